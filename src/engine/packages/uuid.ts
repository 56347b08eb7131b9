/** The one place that names the version of uuid, which makes ids that grow with time. Owns no behaviour. */
export { v7 as uuidv7 } from "npm:uuid@14.0.3";
