/** A fresh database with the outbox and the orders in it, and connections to it, for one test. */
import { orderMigrations } from "../../src/app/orders/migrations.ts";
import { allOutboxMigrations } from "../../src/engine/outbox/outbox_migrations.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { freshDatabase } from "../support/services.ts";

/** A migrated database and a pool on it; `open` gives further pools. All are closed with it. */
export interface OutboxDatabase extends AsyncDisposable {
  readonly url: string;
  readonly sql: Sql;
  open(applicationName: string, connectionsMax: number): Sql;
}

/** Makes one. */
export async function outboxDatabase(connectionsMax = 10): Promise<OutboxDatabase> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await freshDatabase());
  const open = (applicationName: string, max: number) =>
    owned.use(openDatabase(url, { connectionsMax: max, applicationName })).sql;
  const { sql } = stack.use(openDatabase(url, { connectionsMax, applicationName: "test" }));
  await migrate(sql, [
    ...allOutboxMigrations,
    ...orderMigrations,
  ]);
  const owned = stack.move();
  return { url, sql, open, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
