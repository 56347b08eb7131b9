/** The one place that names the version of SnappyJS, which unpacks batches. Owns no behaviour. */
export { default as snappy } from "npm:snappyjs@0.7.0";
