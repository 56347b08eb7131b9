/** The one place that names the version of cli-table3, which draws tables for people. Owns no behaviour. */
export { default as Table } from "npm:cli-table3@0.6.5";
