/** The one place that names the version of the Postgres driver. Owns its modules, as copies of our own; no behaviour. */
// Types, and that the package is there; what runs is the CommonJS build, whose parts can be replaced.
import type postgres from "npm:postgres@3.4.9";
import "npm:postgres@3.4.9";
import { ownCopies } from "../packages/own_copies.ts";

export type { postgres };

/** The driver, of which its entry and the module of connections are ours alone. */
export const driverParts = ownCopies("postgres", import.meta.resolve("npm:postgres@3.4.9"), [
  "connection.js",
  "index.js",
]);
