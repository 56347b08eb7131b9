/** The one place that names the version of prom-client, which counts. Owns no behaviour. */
export { Counter, Gauge, Histogram, Registry } from "npm:prom-client@15.1.3";
