/** What could never be published is refused when it is appended; what lies there already is named. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { watchPostgres } from "../../src/app/compose/watch_postgres.ts";
import { readConfig } from "../../src/config.ts";
import { DependencyDownError, HaltError, PoisonError } from "../../src/engine/core/errors.ts";
import { encodedBytes } from "../../src/engine/core/record.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { agreeOnShards } from "../../src/engine/outbox/agree_on_shards.ts";
import { appendInTransaction } from "../support/append_in_transaction.ts";
import { outboxColumns, type OutboxRow } from "../../src/engine/outbox/outbox_row.ts";
import {
  EventRefusedError,
  EventTooLargeError,
  refusedAppend,
} from "../../src/engine/outbox/refused_append.ts";
import { writeRelayCheckpoint } from "../../src/engine/outbox/relay_cursor.ts";
import { rowToRecord } from "../../src/engine/outbox/row_to_record.ts";
import { shardOf } from "../../src/engine/outbox/shard_of.ts";
import type { Sql } from "../../src/engine/postgres/database.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { freshDatabase, services } from "../support/services.ts";
import { outboxDatabase } from "./outbox_database.ts";
import { appendCommitted } from "./outbox_writer.ts";

const order = { user_id: "ada", amount: "19.90", currency: "EUR" };
const post = (app: ReturnType<typeof createApp>) =>
  app.request("/orders", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(order),
  });

Deno.test("an event over the limit is refused in its transaction, and 413 over HTTP", async () => {
  await using db = await outboxDatabase(2);
  const { sql } = db;
  const append = (bytes: number, headers: [string, string][] = []) =>
    sql.begin((tx) =>
      appendInTransaction(tx, {
        ...{ topic: "t", key: "k", value: new Uint8Array(bytes), headers },
        ...{ eventId: crypto.randomUUID(), eventType: "Said" },
      }, { shards: 1 })
    );
  await append(899_000);
  await assertRejects(() => append(900_001), EventTooLargeError, "is the limit");
  await assertRejects(() => append(450_000, [["h", "x".repeat(450_000)]]), PoisonError);
  // The largest that is taken fits as a record, with all that the relay adds.
  const most = 900_000 - 512 - 2 * "Said".length - "k".length;
  await assertRejects(() => append(most + 1), EventTooLargeError);
  await append(most);
  const rows = await sql<OutboxRow[]>`select ${outboxColumns(sql)} from outbox order by position`;
  const largest = rows.at(-1);
  assert(largest && encodedBytes(rowToRecord(largest, 1, `/${"n".repeat(60)}/outbox`)) <= 900_000);
  assertEquals(rows.length, 2);

  const app = createApp({ sql, topic: "t", shards: 1 });
  await agreeOnShards(sql, 1);
  assertEquals((await post(app)).status, 202);
  await sql`update outbox_settings set row_bytes_max = 300`;
  const answer = await post(app);
  assertEquals([answer.status, (await answer.json()).type], [
    413,
    "urn:onceflow:problem:order-too-large",
  ]);
  assertEquals((await sql`select from orders`).length, 1);
});

Deno.test("headers of another form are refused, by the function and by the table", async () => {
  await using db = await outboxDatabase(1);
  const { sql } = db;
  const append = (headers: string) =>
    sql`
    select outbox_append(0, 't', 'k', 'x', ${headers}::text::jsonb, gen_random_uuid(), 'Said')
  `;
  const insert = (headers: string) =>
    sql`
    insert into outbox (shard, position, topic, key, value, headers, event_id, event_type, xid)
    values (0, nextval('outbox_position'), 't', 'k', 'x', ${headers}::text::jsonb, gen_random_uuid(), 'Said',
      pg_current_xact_id())
  `;
  const wrong = [
    '[{"name": "a", "value": "b"}]',
    '["ab"]',
    '[["a"]]',
    '[["a", 1]]',
    '[["a", null]]',
  ];
  wrong.push(
    '[["a", "b", "c"]]',
    '[[["a", "b"], "c"]]',
    '[["a", "b"], 7]',
    '{"a": "b"}',
    '"a"',
    "null",
  );
  for (const headers of wrong) {
    await assertRejects(() => append(headers), Error, "pairs of texts");
    await assertRejects(() => insert(headers), Error, "check constraint");
  }
  for (const headers of ["[]", '[["a", "b"]]', '[["", ""], ["a", "b"], ["a", "c"]]']) {
    await append(headers);
    await insert(headers);
  }
});

Deno.test("the database computes the shard as the program does, and refuses another one", async () => {
  await using db = await outboxDatabase(1);
  const { sql } = db;
  for (const key of ["", "a", "order-1001", "Żółć 注文 🧾", "x".repeat(300)]) {
    for (const shards of [1, 2, 7, 64]) {
      const [row] = await sql`select outbox_shard_of(${key}, ${shards}) as shard`;
      assertEquals(row?.shard, shardOf(key, shards), `${key} of ${shards}`);
    }
  }
  const append = (shard: number | null) =>
    sql`
    select outbox_append(${shard}, 't', 'key', 'x', '[]', gen_random_uuid(), 'Said')
  `;
  await assertRejects(() => append(null), Error, "not agreed on yet");
  await agreeOnShards(sql, 4);
  await append(null);
  await append(shardOf("key", 4));
  await assertRejects(() => append((shardOf("key", 4) + 1) % 4), Error, "belongs to shard");
  await assertRejects(() => append(9), Error, "belongs to shard");
  const rows = await sql`select distinct shard from outbox`;
  assertEquals(rows.map(({ shard }) => shard), [shardOf("key", 4)]);
  for (const shard of [null, 0]) {
    const keyless = () =>
      sql`select outbox_append(${shard}, 't', null, 'x', '[]', gen_random_uuid(), 'Said')`;
    const refused = refusedAppend(await assertRejects(keyless, Error, "it has no key"));
    assert(refused instanceof EventRefusedError, `${refused}`);
    assertStringIncludes(refused.message, "Give it a key of its own");
  }
});

Deno.test("no position is given out again that was published", async () => {
  await using db = await outboxDatabase(2);
  const { sql } = db;
  for (const text of ["1", "2", "3"]) await appendCommitted(sql, "k", text);
  await agreeOnShards(sql, 1);
  await writeRelayCheckpoint(sql, 0, 3);
  await sql`delete from outbox where position < 3`;
  await sql`alter sequence outbox_position restart with 1`;
  const append = () => appendCommitted(sql, "k", "4");
  const refused = await assertRejects(append, DependencyDownError, "all up to 3 was announced");
  await followAdvice(sql, refused.message);
  await append();
  const rows = await sql`select position from outbox order by position`;
  assertEquals(rows.map(({ position }) => position), [3, 4]);
});

Deno.test("a sequence that is set back refuses orders and halts the relay, until the advice is followed", async () => {
  await using database = await freshDatabase();
  const { kafkaBrokers } = await services();
  const own = crypto.randomUUID();
  const config = readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url, TOPIC_PARTITIONS: "1" },
    ...{ ORDERS_TOPIC: `orders-${own}`, INVOICES_TOPIC: `invoices-${own}` },
    ...{ DEAD_LETTERS_TOPIC: `dlq-${own}`, OUTBOX_CURSOR_TOPIC: `cursor-${own}` },
  });
  await using runtime = await openRuntime(config, { applicationName: "test" });
  const { sql } = runtime.database;
  const app = createApp({ sql, topic: config.ORDERS_TOPIC, shards: 1 });
  const { health } = createObservability();
  const stop = new AbortController();
  const watching = watchPostgres(sql, health, stop.signal);
  let relayed = 0;
  const observers = {
    relay: { relayed: ({ rows }: { readonly rows: number }) => void (relayed += rows) },
  };
  const work = () =>
    runWorker(runtime, { roles: ["relay"], guarantee: "exactly-once", observers }, stop.signal);
  const until = async (met: () => boolean | Promise<boolean>) =>
    assert(await waitFor(async () => await met() || undefined, { waitMsMax: 60_000 }));
  try {
    const working = work();
    for (let i = 0; i < 5; i++) assertEquals((await post(app)).status, 202);
    await until(() => relayed === 5);
    // Its note follows as soon as it is idle; rows that were published long ago are gone.
    await until(async () => {
      const [row] = await sql`
        select r.position = (select max(position) from outbox) as noted from outbox_relayed r
      `;
      return row?.noted ?? false;
    });
    await sql`delete from outbox where position < (select max(position) from outbox)`;
    await sql`select setval('outbox_position', 1)`;
    let halted: unknown;
    working.catch((error) => halted = error);
    await until(() => halted !== undefined);
    assert(halted instanceof HaltError);
    assertStringIncludes(halted.message, "outbox_position stands at");
    for (let i = 0; i < 2; i++) assertEquals((await post(app)).status, 503);
    const postgres = () => health.ready().checks.find(({ name }) => name === "postgres");
    await until(() => postgres()?.ok === false);
    assertStringIncludes(postgres()?.detail ?? "", "No order is taken");

    await followAdvice(sql, halted.message);
    const again = work();
    assertEquals((await post(app)).status, 202);
    await until(() => relayed === 6);
    await until(() => postgres()?.ok === true);
    stop.abort();
    await again;
  } finally {
    stop.abort();
    await watching;
  }
});

/** Runs the statement that a message gives. */
async function followAdvice(sql: Sql, message: string): Promise<void> {
  const [, statement] = /Run: (select setval\(.*\)\))/.exec(message) ?? [];
  assert(statement, message);
  await sql.unsafe(statement);
}
