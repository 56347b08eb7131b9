/** Where a relay may go on, and where it must halt: the cursor in Kafka against the rows in Postgres. */
import { DependencyDownError, HaltError } from "../../src/engine/core/errors.ts";
import type { Sql } from "../../src/engine/postgres/database.ts";
import {
  checkCursor,
  cursorMetadata,
  cursorMetadataAt,
  heldIn,
  writeRelayCheckpoint,
} from "../../src/engine/outbox/relay_cursor.ts";
import { relayMigrations } from "../../src/engine/outbox/relay_migrations.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { outboxDatabase } from "./outbox_database.ts";
import { appendCommitted, openWriter } from "./outbox_writer.ts";

const place = { groupId: "relay", cursorTopic: "cursor", shard: 0 };

/** A database whose outbox holds positions 1 to 3, and the cursor of a relay that has published all of them. */
async function published() {
  const db = await outboxDatabase();
  await migrate(db.sql, relayMigrations);
  for (const text of ["1", "2", "3"]) await appendCommitted(db.sql, "k", text);
  const metadata = await cursorMetadataAt(db.sql, 0, 4);
  assert(metadata !== undefined);
  return { db, sql: db.sql, cursor: { offset: 4, metadata } };
}

const check = (sql: Sql, cursor: { readonly offset: number; readonly metadata: string }) =>
  checkCursor(sql, place, cursor);

Deno.test("relay goes on behind the event that its cursor names", async () => {
  const { db, sql, cursor } = await published();
  await using _ = db;
  assertEquals((await check(sql, cursor)).after, 3);
});

Deno.test("rows that wait below the cursor are found again, also when the cursor is set back", async () => {
  const { db, sql } = await published();
  await using _ = db;
  const holds = [{ topic: "t", after: 0 }, { topic: "u", after: 1, key: "k" }];
  const [row] = await sql`select event_id as id from outbox where position = 3`;
  const metadata = await cursorMetadata(sql, { eventId: row?.id, holds });
  assertEquals((await check(sql, { offset: 4, metadata })).holds, holds);
  assertEquals(
    JSON.parse(metadata).event,
    undefined,
    "an older relay must not take it for its own",
  );
  const back = await cursorMetadataAt(sql, 0, 2, metadata);
  assertEquals((await check(sql, { offset: 2, metadata: back ?? "" })).holds, holds.slice(0, 1));
  assertEquals(heldIn("no JSON"), []);
});

Deno.test("relay that never committed a cursor starts at the beginning", async () => {
  const { db, sql } = await published();
  await using _ = db;
  assertEquals((await check(sql, { offset: -1, metadata: "" })).after, 0);
});

Deno.test("relay halts when its cursor is gone although it had one, and its advice works", async () => {
  const { db, sql } = await published();
  await using _ = db;
  await writeRelayCheckpoint(sql, 0, 2);
  const gone = () => check(sql, { offset: -1, metadata: "" });
  const { message } = await assertRejects(gone, HaltError, "is gone");
  const [, to] = /--group relay --topic cursor --partition 0 --to (\d+)/.exec(message) ?? [];
  const metadata = await cursorMetadataAt(sql, 0, Number(to));
  assertEquals((await check(sql, { offset: Number(to), metadata: metadata ?? "" })).after, 2);
  await sql.unsafe(/in Postgres: (delete .*)$/.exec(message)?.[1] ?? "");
  assertEquals((await gone()).after, 0);
});

Deno.test("relay halts when the database lies behind the cursor, whatever was written since", async () => {
  const { db, sql, cursor } = await published();
  await using _ = db;
  await sql`delete from outbox where position = 3`;
  const restored = () => check(sql, cursor);
  await assertRejects(restored, HaltError, "restored to an earlier state");
  // The restored sequence hands the position out a second time, to another event.
  await sql`select setval('outbox_position', 2)`;
  await appendCommitted(sql, "k", "another third");
  assertEquals((await sql`select position from outbox order by position`).at(-1)?.position, 3);
  await assertRejects(restored, HaltError, "restored to an earlier state");
  // What was noted before the restore is published for certain: all behind it is published, and so is what was written since.
  await writeRelayCheckpoint(sql, 0, 1);
  const { message } = await assertRejects(restored, HaltError);
  const [, to] = /--group relay --topic cursor --partition 0 --to (\d+)/.exec(message) ?? [];
  const metadata = await cursorMetadataAt(sql, 0, Number(to)) ?? "";
  assertEquals((await check(sql, { offset: Number(to), metadata })).after, 1);
});

Deno.test("relay goes on behind a row that was deleted by hand, once this database has noted its position", async () => {
  const { db, sql, cursor } = await published();
  await using _ = db;
  await writeRelayCheckpoint(sql, 0, 3);
  await sql`delete from outbox where position = 3`;
  const { after, isRowGone } = await check(sql, cursor);
  assertEquals([after, isRowGone], [3, true]);
  await sql`update outbox set position = 3 where position = 2`;
  await assertRejects(() => check(sql, cursor), HaltError, "restored to an earlier state");
});

Deno.test("relay halts when its sequence was set back below the last note, and its advice loses and doubles nothing", async () => {
  await using db = await outboxDatabase();
  const { sql } = db;
  await appendCommitted(sql, "k", "1");
  await writeRelayCheckpoint(sql, 0, 1);
  const rolledBack = await openWriter(sql);
  await rolledBack.append("k", "gap");
  await rolledBack.rollback();
  await appendCommitted(sql, "k", "3");
  const [barrier] = await sql`select xid::text as xid from outbox_mark(0, 0)`;
  const [row] = await sql`select event_id as id from outbox where position = 3`;
  const metadata = await cursorMetadata(sql, { eventId: row?.id, writtenBelow: barrier?.xid });
  const cursor = { offset: 4, metadata };
  assertEquals((await check(sql, cursor)).writtenBelow, barrier?.xid);

  // While no relay runs: the gap is filled, and the sequence comes past the cursor again.
  await sql`select setval('outbox_position', 1)`;
  await appendCommitted(sql, "k", "late");
  await assertRejects(() => appendCommitted(sql, "k", "refused"), DependencyDownError, "set back");
  await appendCommitted(sql, "k", "later");
  const { message } = await assertRejects(() => check(sql, cursor), HaltError, "was set back");

  const statements = /Run in Postgres: (begin; .* commit;)/.exec(message)?.[1] ?? "";
  await db.open("psql", 1).unsafe(statements);
  assertEquals((await check(sql, cursor)).after, 3);
  const after = await sql`
    select convert_from(value, 'utf8') as text from outbox where position > 3 order by position
  `;
  assertEquals(after.map(({ text }) => text), ["late", "later"]);
  await appendCommitted(sql, "k", "last");
  assertEquals((await sql`select position from outbox order by position`).at(-1)?.position, 7);
});

Deno.test("relay halts when the cursor was written for another database", async () => {
  const { db, cursor } = await published();
  await using _ = db;
  await using other = await outboxDatabase();
  await migrate(other.sql, relayMigrations);
  await assertRejects(() => check(other.sql, cursor), HaltError, "was written for database");
});

Deno.test("relay halts when the cursor's metadata is not its own", async () => {
  const { db, sql } = await published();
  await using _ = db;
  for (const metadata of ["", "[]", "{}", `{"system": 1}`]) {
    await assertRejects(() => check(sql, { offset: 4, metadata }), HaltError, "not ours");
  }
});
