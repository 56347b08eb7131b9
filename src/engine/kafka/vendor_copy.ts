/**
 * Loads kafkajs's modules, those that are patched as copies of our own: a program may use kafkajs beside onceflow, loaded
 * before it or after it, and neither changes the other. Owns no behaviour.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

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
].map((path) => require.resolve(`kafkajs/src/${path}`));

type Modules = Map<string, NodeModule>;
type NodeModule = NonNullable<typeof require.cache[string]>;

const ours: Modules = new Map();

/** Loads a module of kafkajs by its path inside the package. */
export function part<T>(path: string): T {
  return amongOurs(() => require(`kafkajs/src/${path}`) as T);
}

/** Puts another implementation in the place of a module whose export is a function; before any of our users loads it. */
export function replacePart<T>(path: string, replace: (original: T) => T): void {
  const file = require.resolve(`kafkajs/src/${path}`);
  amongOurs(() => {
    const original = require(file) as T;
    const cached = require.cache[file];
    if (!cached || !copied.includes(file)) {
      throw new Error(`Cannot patch kafkajs: ${path} is not among the modules that are copied`);
    }
    cached.exports = replace(original);
  });
}

/** The version of the package. */
export function vendorVersion(): string {
  return (require("kafkajs/package.json") as { version: string }).version;
}

/** With our copies in the module cache instead of those that the program may have loaded. */
function amongOurs<T>(load: () => T): T {
  const theirs = exchange(ours);
  try {
    return load();
  } finally {
    for (const [file, module] of exchange(theirs)) ours.set(file, module);
  }
}

/** Puts these in the cache and answers with what was there. */
function exchange(modules: Modules): Modules {
  const before: Modules = new Map();
  for (const file of copied) {
    const found = require.cache[file];
    if (found) before.set(file, found);
    const module = modules.get(file);
    if (module) require.cache[file] = module;
    else delete require.cache[file];
  }
  return before;
}
