/**
 * The outbox: what a transaction writes and what it publishes happen together or not at all, and what is published is on Kafka
 * exactly once. The tables are one's own, and so is the driver: any postgres.js.
 */
import postgres from "postgres";
import { z } from "zod";
import { headerText, topic } from "../../src/engine/mod.ts";
import { append, migrateOutbox, runRelay } from "../../src/engine/outbox/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { freshTopics, jsons, readPartition, testClient } from "../support/kafka.ts";
import { freshDatabase, services } from "../support/services.ts";

Deno.test("an event is published with the row that it tells of, or neither is there", async () => {
  const [{ kafkaBrokers: brokers }, database] = [await services(), await freshDatabase()];
  await using _database = database;
  const client = await testClient();
  const [name = ""] = await freshTopics(client, 1, "parcels");
  const parcels = topic(name, {
    read: z.object({ parcel_id: z.string(), items: z.int() }),
    key: ({ parcel_id }) => parcel_id,
  });

  const outbox = { schema: "shipping", name };
  const sql = postgres(database.url, { onnotice: () => {}, max: 1 });
  await migrateOutbox(sql, outbox);
  await sql`create table parcels (id text primary key, items int not null)`;

  const pack = (id: string, items: number) =>
    sql.begin(async (tx) => {
      await tx`insert into parcels (id, items) values (${id}, ${items})`; // the row first, then its event
      const event = parcels.event({ parcel_id: id, items }, {
        headers: { event_type: "ParcelPacked" },
      });
      await append(tx, event, outbox);
      if (items === 0) throw new Error("there was nothing to pack");
    });
  await pack("a", 2);
  await assertRejects(() => pack("b", 0), Error, "nothing to pack");
  await pack("c", 1);

  // From any other language: one statement in its own transaction.
  await sql.unsafe(`
    begin;
    insert into parcels (id, items) values ('d', 3);
    select shipping.outbox_append(
      null, '${name}', 'd', '{"parcel_id": "d", "items": 3}'::bytea, '[["tenant", "7"]]', gen_random_uuid(), 'ParcelPacked');
    commit;
  `);
  // Where the topic is compacted, a tombstone lets it forget a key; null in plain SQL.
  await sql.begin(async (tx) => {
    await tx`delete from parcels where id = 'a'`;
    await append(tx, parcels.tombstone("a"), outbox);
  });
  const packed = await sql`select id from parcels order by id`;
  assertEquals(packed.map(({ id }) => id), ["c", "d"]);
  await sql.end();

  // In as many processes as there are: one of them works.
  const stop = new AbortController();
  let published = 0;
  await runRelay({
    ...{ brokers, clientId: "shipping", ssl: false, databaseUrl: database.url, outbox },
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]),
    observer: { relayed: ({ rows }) => (published += rows) === 4 && stop.abort() },
  });
  const records = await readPartition(client, name);
  assertEquals([new TextDecoder().decode(records[3]?.key ?? undefined), records[3]?.value], [
    "a",
    null,
  ]);
  assertEquals(jsons(records.slice(0, 3)), [
    { parcel_id: "a", items: 2 },
    { parcel_id: "c", items: 1 },
    { parcel_id: "d", items: 3 },
  ]);
  const types = records.slice(0, 3).map(({ headers }) => headerText(headers, "event_type"));
  assertEquals(types, ["ParcelPacked", "ParcelPacked", "ParcelPacked"]);
  assertEquals(headerText(records[2]?.headers ?? [], "tenant"), "7");
});
