/** A database with the projection's tables in it, for one test. */
import { erasureMigrations } from "../../src/app/orders/erasure_migrations.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { installProjection } from "../../src/engine/projection/install_projection.ts";
import { projectionMigrations } from "../../src/engine/projection/projection_schema.ts";
import { freshDatabase } from "../support/services.ts";
import type { Projection } from "../../src/engine/projection/define_projection.ts";

export async function databaseWith(
  projection: Projection,
): Promise<AsyncDisposable & { readonly sql: Sql; readonly url: string }> {
  await using stack = new AsyncDisposableStack();
  const fresh = stack.use(await freshDatabase());
  const { sql } = stack.use(
    openDatabase(fresh.url, { connectionsMax: 8, applicationName: "test" }),
  );
  await migrate(sql, [...projectionMigrations, ...erasureMigrations]);
  await installProjection(sql, projection);
  const owned = stack.move();
  return { sql, url: fresh.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
