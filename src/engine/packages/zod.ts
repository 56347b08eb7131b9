/** The one place that names the version of zod, which checks what was read. Owns no behaviour. */
export { z } from "npm:zod@4.6.7";
