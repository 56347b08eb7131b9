/** The one place that names the version of kafkajs, and loads its modules: those that are patched are ours alone. */
import manifest from "npm:kafkajs@2.2.4/package.json" with { type: "json" };
import { ownCopies } from "../packages/own_copies.ts";

/** What is patched, and all that captures it when it is loaded. Everything else is shared. */
const copied = [
  "broker/index.js",
  "cluster/brokerPool.js",
  "cluster/connectionPoolBuilder.js",
  "cluster/index.js",
  "network/connection.js",
  "network/connectionPool.js",
  "network/requestQueue/index.js",
  "producer/eosManager/index.js",
  "producer/index.js",
  "producer/messageProducer.js",
  "producer/sendMessages.js",
  "protocol/request.js",
];

const copies = ownCopies(
  "kafkajs",
  import.meta.resolve("npm:kafkajs@2.2.4/package.json"),
  copied.map((path) => `src/${path}`),
);

/** Loads a module of kafkajs by its path inside the package's `src`. */
export const part = <T>(path: string): T => copies.load(`src/${path}`);

/** Puts another implementation in the place of a module whose export is a function; before any of our users loads it. */
export const replacePart = <T>(path: string, replace: (original: T) => T): void =>
  copies.replace(`src/${path}`, replace);

/** The version of the package. */
export const vendorVersion = (): string => manifest.version;
