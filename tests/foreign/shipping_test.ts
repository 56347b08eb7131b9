/** The foreign project's own tables and driver: what a transaction of its own publishes is in its read model, once. */
import { openDeadLetters } from "@onceflow/onceflow/dead-letters";
import { append, DuplicateEventError, migrateOutbox } from "@onceflow/onceflow/outbox";
import postgres from "postgres";
import { databaseUrl, kafka, outbox, parcels } from "./shipping.ts";

Deno.test("what was packed is on the shelf, once, and what was not is not", async () => {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  await migrateOutbox(sql, outbox);
  await sql`set search_path to public`;
  await sql`create table parcels (id text primary key)`;
  const eventId = crypto.randomUUID();
  const pack = (id: string, items: number, event_id: string = crypto.randomUUID()) =>
    sql.begin(async (tx) => {
      await tx`insert into parcels values (${id})`;
      const event = parcels.event({ parcel_id: id, items }, { headers: { event_id } });
      const appended = await append(tx, event, outbox);
      if (items === 0) throw new Error("nothing to pack");
      return appended;
    });
  const first = await pack("a", 1, eventId);
  const empty = await pack("b", 0).catch(({ message }) => message);
  const again = await pack("again", 1, eventId).catch((error) => error);
  await pack("c", 3);

  const shelf = () =>
    sql`select parcel_id, items from ${sql(`${outbox.schema}.shelf`)} order by 1`.catch(() => []);
  const until = performance.now() + 60_000;
  let rows = await shelf();
  while (rows.length < 2 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    rows = await shelf();
  }
  await sql.end();
  await using letters = openDeadLetters({ ...kafka, topic: parcels.name });
  const records = await letters.list({ limit: 10, order: "oldest" });
  const found = {
    rows: [...rows],
    records: records.map(({ record: { key } }) => new TextDecoder().decode(key ?? undefined)),
    refused: [first.eventId === eventId, empty, again instanceof DuplicateEventError],
  };
  const expected = {
    rows: [{ parcel_id: "a", items: 1 }, { parcel_id: "c", items: 3 }],
    records: ["a", "c"],
    refused: [true, "nothing to pack", true],
  };
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(found)}`);
  }
});
