/** The one place that names the version of lz4js, which unpacks batches. Owns no behaviour. */
export { default as lz4 } from "npm:lz4js@0.2.0";
