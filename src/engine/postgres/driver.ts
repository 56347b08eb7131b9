/** Loads the Postgres driver with lost connections thrown away. The one door to its inner parts; its version is pinned. */
import { createRequire } from "node:module";
import type postgres from "postgres";
import { addArrayTypes } from "./array_types.ts";
import { type ConnectionFactory, freshConnections } from "./fresh_connections.ts";
import type { PoolOptions, Sql } from "./sql.ts";

const require = createRequire(import.meta.url);

let loaded:
  | { readonly driver: typeof postgres; readonly types: string; patchUsed: boolean }
  | undefined;

/**
 * Makes a pool as the driver's own function does, with {@linkcode freshConnections} in place. The driver's CommonJS
 * build takes the constructor of connections from a module of its own, which is replaced before the pool is loaded.
 *
 * @throws {Error} when the driver is built differently than 3.4.9: better not to start than to hang after a restart
 */
export function openPool(url: string, options: PoolOptions): Sql {
  loaded ??= load();
  const sql: Sql = loaded.driver(url, { ...options, fetch_types: false });
  addArrayTypes(sql, require, loaded.types);
  if (loaded.patchUsed) return sql;
  throw new Error("Cannot patch the Postgres driver: its pool does not use the patch");
}

function load(): NonNullable<typeof loaded> {
  const entry = require.resolve("postgres");
  const part = entry.replace(/index\.js$/, "connection.js");
  const make: ConnectionFactory = require(part);
  const cached = require.cache[part];
  if (typeof make !== "function" || cached === undefined || require.cache[entry] !== undefined) {
    throw new Error(
      "Cannot patch the Postgres driver: this is not postgres 3.4.9, or something else loaded it before. " +
        "Pin npm:postgres@3.4.9 and import it nowhere but in src/postgres",
    );
  }
  const patched = freshConnections(make);
  cached.exports = (...given: Parameters<ConnectionFactory>) => {
    if (loaded) loaded.patchUsed = true;
    return patched(...given);
  };
  const types = entry.replace(/index\.js$/, "types.js");
  return { driver: require(entry), types, patchUsed: false };
}
