/** Loads the Postgres driver with lost connections thrown away. The one door to its inner parts; its version is pinned. */
import { addArrayTypes, type DriverTypes } from "./array_types.ts";
import { driverParts, type postgres } from "./driver_package.ts";
import { type ConnectionFactory, freshConnections } from "./fresh_connections.ts";
import type { PoolOptions, Sql } from "./sql.ts";

let loaded:
  | { readonly driver: typeof postgres; readonly types: DriverTypes; patchUsed: boolean }
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
  addArrayTypes(sql, loaded.types);
  if (loaded.patchUsed) return sql;
  throw new Error("Cannot patch the Postgres driver: its pool does not use the patch");
}

function load(): NonNullable<typeof loaded> {
  driverParts.replace<ConnectionFactory>("connection.js", (make) => {
    if (typeof make !== "function") {
      throw new Error(
        "Cannot patch the Postgres driver: this is not postgres 3.4.9, for which the patch was made",
      );
    }
    const patched = freshConnections(make);
    return (...given) => {
      if (loaded) loaded.patchUsed = true;
      return patched(...given);
    };
  });
  return {
    driver: driverParts.load("index.js"),
    types: driverParts.load("types.js"),
    patchUsed: false,
  };
}
