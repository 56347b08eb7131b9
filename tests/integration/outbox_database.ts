/** A fresh database with the outbox and the orders in it, and connections to it, for one test. */
import { orderMigrations } from "../../src/orders/migrations.ts";
import { appendMigrations } from "../../src/outbox/append_migrations.ts";
import { leadMigrations } from "../../src/outbox/lead_migrations.ts";
import { outboxMigrations } from "../../src/outbox/migrations.ts";
import { relayMigrations } from "../../src/outbox/relay_migrations.ts";
import { openDatabase, type Sql } from "../../src/postgres/database.ts";
import { migrate } from "../../src/postgres/migrate.ts";
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
    ...outboxMigrations,
    ...relayMigrations,
    ...appendMigrations,
    ...leadMigrations,
    ...orderMigrations,
  ]);
  const owned = stack.move();
  return { url, sql, open, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
