/** Outboxes of one's own: in schemas of one database, and in other databases, on one cluster. None meets another. */
import postgres from "postgres";
import { append, HaltError, migrateOutbox, type Outbox } from "../../src/engine/outbox/mod.ts";
import {
  DuplicateEventError,
  EventRefusedError,
  EventTooLargeError,
  missingFromOutbox,
  outboxMigrationsSql,
  OutboxMissingError,
  runRelay,
  setRelayCursor,
} from "../../src/engine/outbox/mod.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { fetchStableOffset } from "../../src/engine/kafka/stable_offset.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { freshTopics, readPartition, testClient, texts } from "../support/kafka.ts";
import { freshDatabase, services } from "../support/services.ts";

const quiet = { onnotice: () => {} };
const event = (topic: string, key: string, value: string) => ({ topic, key, value, type: "Said" });

Deno.test("outboxes in two schemas and in two databases are relayed side by side, each event once", async () => {
  const [{ kafkaBrokers: brokers }, one, two, client] = await Promise.all([
    ...[services(), freshDatabase(), freshDatabase(), testClient()] as const,
  ]);
  await using _databases = {
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      await two[Symbol.asyncDispose]();
    },
  };
  const [topic = ""] = await freshTopics(client, 1, "said");
  const places: [url: string, outbox: Outbox][] = [
    [one.url, { schema: "shipping", name: `${topic}.one` }],
    [one.url, { schema: "billing", name: `${topic}.two`, shards: 2 }],
    [two.url, { schema: "shipping", name: `${topic}.three` }],
  ];
  const count = 40;
  const health = createHealth();
  const said = async (from: number) => {
    await Promise.all(places.map(async ([url, outbox], which) => {
      const sql = postgres(url, { ...quiet, max: 1 });
      await migrateOutbox(sql, outbox);
      for (let n = from; n < from + count; n++) {
        await sql.begin((tx) => append(tx, event(topic, `${which}`, `${which}-${n}`), outbox));
      }
      await sql.end();
    }));
  };
  /** All relays at once, until all of it is published; they lead side by side. */
  const relayed = async () => {
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
    let rows = 0;
    const observer = {
      relayed: (batch: { rows: number }) =>
        (rows += batch.rows) === places.length * count && stop.abort(),
    };
    const settings = { brokers, clientId: "schemas", ssl: false, signal, health, observer };
    await Promise.all(
      places.map(([databaseUrl, outbox]) => runRelay({ ...settings, databaseUrl, outbox })),
    );
    assertEquals(rows, places.length * count);
  };
  await said(0);
  await relayed();
  const leads = health.ready().checks.filter(({ detail }) => detail === "this process leads");
  assertEquals(leads.map(({ name }) => name).toSorted(), [
    ...[`relay:${topic}.one:0`, `relay:${topic}.three:0`],
    ...[`relay:${topic}.two:0`, `relay:${topic}.two:1`],
  ]);
  // Each goes on where it was.
  await said(count);
  await relayed();
  const all = texts(await readPartition(client, topic));
  for (const which of places.keys()) {
    const expected = Array.from({ length: 2 * count }, (_, n) => `${which}-${n}`);
    assertEquals(all.filter((text) => text.startsWith(`${which}-`)), expected);
  }
  const { group } = namesIn();
  const cluster = client.cluster();
  const cursor = await fetchStableOffset(cluster, group(`relay.${topic}.one`), {
    topic: group(`outbox-cursor.${topic}.one`),
    partition: 0,
  });
  await cluster.disconnect();
  assertEquals(cursor.offset, 2 * count + 1);

  // A person decides, after a halt, to go on from an earlier place: what lies behind it is published again.
  const settings = { brokers, clientId: "schemas", ssl: false };
  const first = { ...settings, databaseUrl: one.url, outbox: places[0]?.[1] };
  const patience = AbortSignal.timeout(60_000);
  await assertRejects(
    () => setRelayCursor({ ...first, signal: patience }, { after: 999 }),
    RangeError,
    "no row there",
  );
  await setRelayCursor({ ...first, signal: patience }, { after: 2 * count - 1 });
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, patience]);
  const repeated: number[] = [];
  const again = ({ rows }: { rows: number }) => {
    repeated.push(rows);
    stop.abort();
  };
  await runRelay({ ...first, signal, observer: { relayed: again } });
  assertEquals(repeated, [1]);
});

Deno.test("an outbox is made by SQL that a person runs, checked, and says what it refuses", async () => {
  await using database = await freshDatabase();
  const sql = postgres(database.url, { ...quiet, max: 1 });
  const outbox = { schema: "shipping" };
  const say = (topic: string, value = "x", more = {}) =>
    sql.begin((tx) => append(tx, { ...event(topic, "k", value), ...more }, outbox));
  await assertRejects(() => say("a"), OutboxMissingError, "migrateOutbox");
  const all = await missingFromOutbox(sql, outbox);
  assert(all.includes("outbox_0001_table"), `${all}`);

  const script = outboxMigrationsSql(outbox);
  await sql.unsafe(script).simple();
  assertEquals(await missingFromOutbox(sql, outbox), []);
  assertEquals(await migrateOutbox(sql, outbox), []);
  // Again, as after an upgrade; and the other way round: what migrateOutbox has made the SQL leaves alone.
  await sql.unsafe(script).simple();
  assertEquals(await migrateOutbox(sql, { schema: "billing" }), all);
  await sql.unsafe(outboxMigrationsSql({ schema: "billing" })).simple();
  assertEquals(
    (await sql`select nspname from pg_namespace where nspname in ('billing', 'shipping')`).length,
    2,
  );
  assertEquals((await sql`select to_regclass('public.outbox') as it`)[0]?.it, null);
  await assertRejects(() => migrateOutbox(sql, { ...outbox, shards: 3 }), HaltError, "filled with");
  await assertRejects(() => migrateOutbox(sql, { schema: "Ship ping" }), TypeError, "schema");

  const eventId = crypto.randomUUID();
  const occurredAt = new Date(0);
  const { position } = await say("a", "x", { eventId, occurredAt });
  assertEquals(position, 1);
  const [row] = await sql`select headers, value::text from shipping.outbox`;
  assertEquals(row?.headers, [["occurred_at", "1970-01-01T00:00:00.000Z"]]);
  await assertRejects(() => say("a", "x", { eventId }), DuplicateEventError, eventId);
  await assertRejects(() => say("a", "x".repeat(900_000)), EventTooLargeError, "900000");
  await assertRejects(() => say("a", "x", { headers: [["a"]] }), EventRefusedError, "headers");
  await assertRejects(() => say("a", "x", { eventId: "7" }), TypeError, "no UUID");
  await assertRejects(() => say(""), EventRefusedError, "no topic");
  await sql.end();
});
