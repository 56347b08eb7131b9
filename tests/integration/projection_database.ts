/** A database with the projection's tables in it, for one test. */
import { openDatabase, type Sql } from "../../src/postgres/database.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { installProjection } from "../../src/projection/install_projection.ts";
import { projectionMigrations } from "../../src/projection/projection_schema.ts";
import type { Projection } from "../../src/projection/define_projection.ts";

export async function databaseWith(
  projection: Projection,
): Promise<AsyncDisposable & { readonly sql: Sql; readonly url: string }> {
  await using stack = new AsyncDisposableStack();
  const fresh = stack.use(await freshDatabase());
  const { sql } = stack.use(
    openDatabase(fresh.url, { connectionsMax: 8, applicationName: "test" }),
  );
  await migrate(sql, projectionMigrations);
  await installProjection(sql, projection);
  const owned = stack.move();
  return { sql, url: fresh.url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function freshDatabase(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = "postgres://postgres@127.0.0.1:25432";
  const name = `t_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openDatabase(`${server}/postgres`, { connectionsMax: 1, applicationName: "test" });
  await admin.sql.unsafe(`create database ${name}`);
  return {
    url: `${server}/${name}`,
    async [Symbol.asyncDispose]() {
      await admin.sql.unsafe(`drop database ${name} with (force)`);
      await admin.close();
    },
  };
}
