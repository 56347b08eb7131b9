/** Rows that cannot be published now hold back what must keep its order, and nothing else, and go on by themselves. */
import { Kafka, logLevel } from "kafkajs";
import { openRuntime, type Runtime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { appendInTransaction } from "../support/append_in_transaction.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { readPartition } from "../support/kafka.ts";
import { freshDatabase, services } from "../support/services.ts";

const patience = { waitMsMax: 60_000 };
const topicResource = 2;

/** A relay on topics of its own, which can be stopped and started again. */
class Relay implements AsyncDisposable {
  readonly health = createHealth();
  #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(readonly runtime: Runtime, readonly id: string) {}

  get orders() {
    return this.runtime.config.ORDERS_TOPIC;
  }

  start() {
    this.#stop = new AbortController();
    const options = { roles: ["relay"], guarantee: "exactly-once", health: this.health } as const;
    this.#running = runWorker(this.runtime, options, this.#stop.signal);
    this.#running.catch(() => {});
  }

  async stop() {
    this.#stop.abort();
    await this.#running;
  }

  /** In one transaction, in this order. */
  async append(topic: string, key: string, ...values: string[]) {
    await this.runtime.database.sql.begin(async (tx) => {
      for (const value of values) {
        const eventId = crypto.randomUUID();
        const bytes = new TextEncoder().encode(value);
        await appendInTransaction(
          tx,
          { topic, key, value: bytes, eventId, eventType: "Said" },
          { shards: 1 },
        );
      }
    });
  }

  /** What is on the topic, once it is at least so much. */
  async written(topic: string, count: number): Promise<string[]> {
    const found = await waitFor(async () => {
      const records = await readPartition(this.runtime.client, topic);
      return records.length >= count ? records : undefined;
    }, patience);
    assert(found, `${count} records on ${topic}: ${JSON.stringify(this.health.ready())}`);
    return found.map(({ value }) => new TextDecoder().decode(value ?? undefined).slice(0, 8));
  }

  /** What the relay says stands in its way, once it does, or nothing does any more. */
  async said(part: string | undefined): Promise<string> {
    const found = await waitFor(() => {
      const check = this.health.ready().checks.find(({ name }) => name === "relay:0");
      const detail = check?.detail ?? "";
      const is = part === undefined ? check?.ok ?? true : detail.includes(part);
      return Promise.resolve(is ? { detail } : undefined);
    }, patience);
    assert(found, JSON.stringify(this.health.ready()));
    return found.detail;
  }

  limit(topic: string, bytes: number) {
    return this.#admin((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{
          type: topicResource,
          name: topic,
          configEntries: [{ name: "max.message.bytes", value: String(bytes) }],
        }],
      })
    );
  }

  create(topic: string) {
    return ensureTopics(this.runtime.client, [{ topic, partitions: 1, replicationFactor: 1 }]);
  }

  delete(topic: string) {
    return this.#admin((admin) => admin.deleteTopics({ topics: [topic] }));
  }

  async #admin<T>(act: (admin: ReturnType<Kafka["admin"]>) => Promise<T>): Promise<T> {
    const brokers = [...this.runtime.client.settings.brokers];
    const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await act(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async [Symbol.asyncDispose]() {
    await this.stop().catch(() => {});
    await this.runtime[Symbol.asyncDispose]();
  }
}

async function relay(url: string, settings: Record<string, string> = {}): Promise<Relay> {
  const { kafkaBrokers } = await services();
  const id = crypto.randomUUID();
  const config = readConfig({
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: url, TOPIC_PARTITIONS: "1" },
    ...{ ORDERS_TOPIC: `orders-${id}`, INVOICES_TOPIC: `invoices-${id}` },
    ...{ DEAD_LETTERS_TOPIC: `dlq-${id}`, OUTBOX_CURSOR_TOPIC: `cursor-${id}` },
    ...settings,
  });
  return new Relay(await openRuntime(config, { applicationName: "test" }), id);
}

Deno.test("a missing topic holds back its own rows alone, over restarts, and they go on when it is there", async () => {
  await using database = await freshDatabase();
  await using r = await relay(database.url, { RELAY_BATCH_RECORDS_MAX: "3" });
  const [later, never] = [`later-${r.id}`, `never-${r.id}`];
  await r.append(r.orders, "k", "o1");
  for (let i = 0; i < 10; i++) await r.append(later, i % 2 ? "k" : "l", `l${i}`);
  await r.append(never, "k", "n1");
  await r.append(r.orders, "h", "h1");
  await r.append(r.orders, "k", "o2");
  const { sql } = r.runtime.database;
  await sql`alter table outbox drop constraint outbox_row_can_be_announced`;
  await sql`update outbox set headers = '[1]' where key = 'h'`;
  r.start();
  assertEquals(await r.written(r.orders, 2), ["o1", "o2"]);
  await r.said("its headers are not an array");
  await sql`update outbox set headers = '[]' where key = 'h'`;
  assertEquals(await r.written(r.orders, 3), ["o1", "o2", "h1"]);
  const said = await r.said(never);
  for (const part of [`"${later}"`, "create it"]) assertStringIncludes(said, part);
  await r.append(r.orders, "k", "o3");
  await r.written(r.orders, 4);
  await r.stop();

  // The topic is made while nobody looks, and filled further.
  await r.create(later);
  await r.append(later, "k", "l10");
  r.start();
  await r.append(later, "k", "l11");
  assertEquals(await r.written(later, 12), Array.from({ length: 12 }, (_, i) => `l${i}`));
  assertEquals((await r.said(never)).includes(later), false);

  // One that is there no more is as missing as one that never was.
  await r.delete(later);
  await r.append(later, "k", "l12");
  await r.said(later);
  await r.append(r.orders, "k", "o4");
  assertEquals(await r.written(r.orders, 5), ["o1", "o2", "h1", "o3", "o4"]);
  await r.create(later);
  assertEquals(await r.written(later, 1), ["l12"]);
  await r.create(never);
  assertEquals(await r.written(never, 1), ["n1"]);
  await r.said(undefined);
});

Deno.test("a limit that is lowered splits batches; a row over it holds its key back until it is raised", async () => {
  await using database = await freshDatabase();
  await using r = await relay(database.url);
  const filler = (name: string, bytes: number) => name.padEnd(8) + "x".repeat(bytes);
  r.start();
  await r.append(r.orders, "a", filler("a1", 30_000));
  await r.written(r.orders, 1);
  await r.limit(r.orders, 40_000);
  const many = Array.from({ length: 20 }, (_, i) => filler(`b${i}`, 10_000));
  await r.append(r.orders, "b", ...many);
  assertEquals((await r.written(r.orders, 21)).length, 21);
  await r.append(r.orders, "a", "a2      ", filler("a3", 60_000), "a4      ");
  await r.append(r.orders, "b", "b20     ");
  const all = await r.written(r.orders, 23);
  assertEquals(all.slice(-2), ["a2      ", "b20     "]);
  const said = await r.said("max.message.bytes");
  for (const part of [r.orders, "39939", "position", `"a"`]) assertStringIncludes(said, part);
  await r.stop();
  r.start();
  await r.append(r.orders, "b", "b21     ");
  assertEquals((await r.written(r.orders, 24)).at(-1), "b21     ");
  await r.limit(r.orders, 1_048_588);
  assertEquals((await r.written(r.orders, 26)).slice(-2), ["a3      ", "a4      "]);
  await r.said(undefined);
  assertEquals((await r.written(r.orders, 26)).length, 26);
});

Deno.test("rows for a name that Kafka allows no topic are deleted as it is advised, and the relay goes on", async () => {
  await using database = await freshDatabase();
  await using r = await relay(database.url);
  const { sql } = r.runtime.database;
  r.start();
  await r.append(r.orders, "k", "o1");
  await r.written(r.orders, 1);
  await r.append("it's none", "k", "n1");
  const said = await r.said("allows no topic");
  const statement = /\((delete from .*?)\); rows/.exec(said)?.[1] ?? "";
  // The last row of the outbox, so that the cursor stands on it.
  const noted = async () => (await sql`select position from outbox_relayed`)[0]?.position === 2;
  assert(await waitFor(async () => await noted() || undefined, patience));
  assertEquals((await sql.unsafe(statement)).count, 1);
  await r.append(r.orders, "k", "o2");
  assertEquals(await r.written(r.orders, 2), ["o1", "o2"]);
  await r.said(undefined);
  await r.stop();
  r.start();
  await r.append(r.orders, "k", "o3");
  assertEquals(await r.written(r.orders, 3), ["o1", "o2", "o3"]);
});
