/** The outbox: what a transaction writes and what it announces happen together or not at all. */
import { appendInTransaction } from "../../src/engine/outbox/append_in_transaction.ts";
import { outboxMigrations } from "../../src/engine/outbox/migrations.ts";
import { barrierRead } from "../../src/engine/outbox/barrier_read.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { withTransaction } from "../../src/engine/postgres/with_transaction.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { freshDatabase } from "../support/services.ts";

Deno.test("an event is announced with the row that it tells of, or neither is there", async () => {
  await using fresh = await freshDatabase();
  await using database = openDatabase(fresh.url, { connectionsMax: 2, applicationName: "test" });
  const { sql } = database;
  await migrate(sql, outboxMigrations);
  await sql`create table parcels (id text primary key)`;

  const send = (id: string, fail: boolean) =>
    withTransaction(sql, async (tx) => {
      await tx`insert into parcels (id) values (${id})`; // the aggregate first, then its event
      await appendInTransaction(tx, {
        topic: "parcels",
        key: id,
        value: new TextEncoder().encode(JSON.stringify({ parcel_id: id })),
        eventId: crypto.randomUUID(),
        eventType: "ParcelSent",
      }, { shards: 1 });
      if (fail) throw new Error("the customer changed her mind");
    });
  await send("a", false);
  await assertRejects(() => send("b", true), Error, "changed her mind");
  await send("c", false);

  const signal = AbortSignal.timeout(60_000);
  const read = await barrierRead(sql, { shard: 0, after: 0, limit: 10, signal });
  assertEquals(read.kind === "rows" && read.rows.map(({ key }) => key), ["a", "c"]);
  assertEquals((await sql`select id from parcels order by id`).map(({ id }) => id), ["a", "c"]);
});
