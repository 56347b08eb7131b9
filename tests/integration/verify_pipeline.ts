/** A pipeline written by hand for the checker's tests: right by default, and wrong in exactly the way a test asks for. */
import { Buffer } from "node:buffer";
import { Kafka, logLevel, type Message, type Producer, type Transaction } from "kafkajs";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import type { Header, InputRecord } from "../../src/engine/core/record.ts";
import { encodeInvoiceIssued, orderPlaced } from "../../src/app/orders/events.ts";
import { orderMigrations } from "../../src/app/orders/migrations.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { outboxMigrations } from "../../src/engine/outbox/migrations.ts";
import { openDatabase, type Sql } from "../../src/engine/postgres/database.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { applyBatch, type OnFoldStep } from "../../src/engine/projection/apply_batch.ts";
import { liveTarget } from "../../src/engine/projection/fold_target.ts";
import { installProjection } from "../../src/engine/projection/install_projection.ts";
import { positionOpener } from "../../src/engine/projection/open_positions.ts";
import { projectionMigrations } from "../../src/engine/projection/projection_schema.ts";
import { orderProblem } from "../../src/app/orders/order_record.ts";
import {
  checkConservation,
  type ConservationReport,
} from "../../src/tools/verify/check_conservation.ts";
import { explainOrder, type OrderExplanation } from "../../src/tools/verify/explain_order.ts";
import { type LogReader, openLogReader } from "../../src/tools/verify/log_reader.ts";
import { rebuildProjection } from "../../src/engine/projection/rebuild_projection.ts";
import { openLogSource } from "../../src/engine/kafka/log_source.ts";
import { kafkaVersion } from "../../src/tools/stack/bring_up_kafka.ts";
import { kafkaJars } from "../../src/tools/stack/kafka_jars.ts";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { whyOpen } from "../../src/engine/kafka/why_open.ts";
import { freshDatabase, services } from "../support/services.ts";

/** A record to write: the partition comes from the key unless it is given. */
export interface Draft {
  readonly key: string | Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers?: readonly Header[];
  readonly partition?: number;
}

/** How a hand-made transaction ends. */
export type Ending = "commit" | "abort" | "open";

const partitionCount = 2;
/** Markers follow the answer to EndTxn; on a machine that is busy they take a while. */
const markersMsMax = 20_000;
/** For a transaction that is known to stay open. */
const openWaitMs = 300;
const encoder = new TextEncoder();

/** A cluster of the test's own, and how topics are made there. */
export interface OwnCluster {
  readonly brokers: readonly string[];
  makeTopics(topics: readonly string[]): Promise<void>;
}

/** The independent reader, on the shared services where no others are given. */
export async function openSharedReader(brokers?: readonly string[]): Promise<LogReader> {
  const kafkaBrokers = brokers ?? (await services()).kafkaBrokers;
  const jarsDir = await kafkaJars({ version: kafkaVersion, cacheDirectory: ".onceflow/cache" });
  return await openLogReader(
    { brokers: kafkaBrokers, ssl: false },
    { jarsDir, cacheDir: ".onceflow/verify" },
    new AbortController().signal,
  );
}

/** The pipeline's parts and what a test can do with them. */
export class HandMadePipeline implements AsyncDisposable {
  readonly names;
  readonly #stack: AsyncDisposableStack;
  readonly #kafka: Kafka;
  readonly #written = new Map<string, InputRecord[]>();
  #publishedUpTo = 0;
  #placed = 0;

  private constructor(
    stack: AsyncDisposableStack,
    kafka: Kafka,
    readonly sql: Sql,
    readonly reader: LogReader,
    prefix: string,
    readonly spillDir: string,
    readonly client: KafkaClient,
  ) {
    this.#stack = stack;
    this.#kafka = kafka;
    this.names = {
      ordersTopic: `${prefix}.orders`,
      invoicesTopic: `${prefix}.invoices`,
      deadLettersTopic: `${prefix}.orders.DLQ`,
      cursorTopic: `${prefix}.cursor`,
      relayGroup: `${prefix}.relay`,
      invoicingGroup: `${prefix}.invoicing`,
      redriveGroup: `${prefix}.redrive`,
      projection: "order_views",
    };
  }

  /** Makes topics and tables of its own; the reader is shared, because a JVM takes a while to start. */
  static async open(reader: LogReader, cluster?: OwnCluster): Promise<HandMadePipeline> {
    await using stack = new AsyncDisposableStack();
    const kafkaBrokers = [...cluster?.brokers ?? (await services()).kafkaBrokers];
    const database = stack.use(await freshDatabase());
    const { sql } = stack.use(
      openDatabase(database.url, { connectionsMax: 4, applicationName: "verify test" }),
    );
    const kafka = new Kafka({
      brokers: kafkaBrokers,
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 20, retries: 30 },
    });
    const prefix = `verify-${crypto.randomUUID().slice(0, 8)}`;
    const spillDir = stack.adopt(
      await Deno.makeTempDir({ prefix: "verify-" }),
      (path) => Deno.remove(path, { recursive: true }),
    );
    const client = createKafkaClient({ brokers: kafkaBrokers, clientId: "verify", ssl: false });
    const owned = stack.move();
    const pipeline = new HandMadePipeline(owned, kafka, sql, reader, prefix, spillDir, client);
    await pipeline.#install(cluster);
    return pipeline;
  }

  async #install(cluster: OwnCluster | undefined): Promise<void> {
    const { ordersTopic, invoicesTopic, deadLettersTopic, cursorTopic } = this.names;
    const topics = [ordersTopic, invoicesTopic, deadLettersTopic, cursorTopic];
    await (cluster?.makeTopics(topics) ?? this.#makeTopics(topics));
    await migrate(this.sql, [...outboxMigrations, ...orderMigrations, ...projectionMigrations]);
    await installProjection(this.sql, this.#projection());
    await this.#awaitCoordinators();
  }

  async #makeTopics(names: readonly string[]): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: names.map((topic) => ({
        topic,
        numPartitions: partitionCount,
        replicationFactor: 1,
      })),
    });
    await admin.disconnect();
  }

  /** A broker that has just made its offsets topic refuses for a moment, and kafkajs gives up at once. */
  async #awaitCoordinators(): Promise<void> {
    const { cursorTopic, relayGroup } = this.names;
    const topics = [{ topic: cursorTopic, partitions: [{ partition: 1, offset: "0" }] }];
    for (let triesLeft = 60;; triesLeft--) {
      try {
        await this.#transaction(
          "commit",
          (transaction) =>
            transaction.sendOffsets({ consumerGroupId: `${relayGroup}-warm-up`, topics }),
        );
        return;
      } catch (error) {
        if (triesLeft === 0) throw error;
        await delay(100);
      }
    }
  }

  #projection() {
    const { ordersTopic, invoicesTopic, deadLettersTopic, invoicingGroup } = this.names;
    return orderViews({
      orders: ordersTopic,
      invoices: invoicesTopic,
      deadLetters: deadLettersTopic,
      invoicingGroup,
    });
  }

  /** Orders in Postgres, with their outbox rows. Returns their ids. */
  async place(count: number, amount = "100"): Promise<string[]> {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) {
      const outcome = await placeOrder(
        this.sql,
        // Numbered, so that every run puts the same orders into the same partitions.
        { orderId: `order-${++this.#placed}`, userId: `user-${i % 3}`, amount, currency: "EUR" },
        { topic: this.names.ordersTopic, shards: 1, now: () => new Date() },
      );
      if (outcome.kind !== "placed") throw new Error(`the order was not placed: ${outcome.kind}`);
      ids.push(outcome.orderId);
    }
    return ids;
  }

  /** What the relay would write for the outbox rows behind the cursor. */
  async publications(): Promise<{ position: number; draft: Draft }[]> {
    const rows = await this.sql`
      select position, key, value, event_id, event_type from outbox
      where position > ${this.#publishedUpTo} order by position
    `;
    return rows.map((row) => ({
      position: Number(row.position),
      draft: {
        key: String(row.key),
        value: new Uint8Array(row.value),
        headers: [
          ["event_id", encoder.encode(String(row.event_id))],
          ["event_type", encoder.encode(String(row.event_type))],
        ],
      },
    }));
  }

  /** Relays everything in the outbox, in order, with the cursor. */
  async relay(change: (drafts: Draft[]) => Draft[] = (drafts) => drafts): Promise<InputRecord[]> {
    const found = await this.publications();
    const last = found.at(-1)?.position ?? this.#publishedUpTo;
    this.#publishedUpTo = last;
    const drafts = change(found.map(({ draft }) => draft));
    return await this.write(
      this.names.ordersTopic,
      drafts,
      "commit",
      (transaction) =>
        transaction.sendOffsets({
          consumerGroupId: this.names.relayGroup,
          topics: [{
            topic: this.names.cursorTopic,
            partitions: [{ partition: 0, offset: String(last + 1) }],
          }],
        }),
    );
  }

  /** The invoice that the worker would write for a publication. */
  invoiceOf(record: InputRecord, overrides: Record<string, unknown> = {}): Draft {
    const order = orderPlaced.parse(
      JSON.parse(new TextDecoder().decode(record.value ?? undefined)),
    );
    const invoice = {
      event_id: crypto.randomUUID(),
      invoice_id: `inv-${order.order_id}`,
      order_id: order.order_id,
      user_id: order.user_id,
      net: order.amount,
      tax: "19.00",
      gross: (Number(order.amount) + 19).toFixed(2),
      tax_rate: "0.19",
      currency: order.currency,
      occurred_at: new Date().toISOString(),
      causation: order.event_id,
      schema_version: 1,
      ...overrides,
    };
    return { key: record.key, value: encodeInvoiceIssued(invoice) };
  }

  /** The dead letter that the worker would write for a record. */
  deadLetterOf(record: InputRecord, groupId: string = this.names.invoicingGroup): Draft {
    const letter = deadLetter(
      record,
      { errorClass: "PoisonError", error: "no tax rate", attempts: 1, groupId },
      { topic: this.names.deadLettersTopic, partitionCount },
    );
    return { ...letter, value: letter.value ?? new Uint8Array() };
  }

  /** Commits the invoicing group's offsets, past these records. */
  async consume(records: readonly InputRecord[]): Promise<void> {
    await this.#transaction("commit", (transaction) => this.sendConsumed(transaction, records));
  }

  /** Outcomes and offsets of these records in one transaction. */
  async work(
    records: readonly InputRecord[],
    invoices: readonly Draft[],
    deadLetters: readonly Draft[] = [],
  ): Promise<InputRecord[]> {
    const written: InputRecord[] = [];
    await this.#transaction("commit", async (transaction) => {
      written.push(...await this.#send(transaction, this.names.invoicesTopic, invoices));
      written.push(...await this.#send(transaction, this.names.deadLettersTopic, deadLetters));
      await this.sendConsumed(transaction, records);
    });
    this.#remember(written);
    return written;
  }

  /** The invoicing group's offsets past these records, as part of a transaction. */
  async sendConsumed(transaction: Transaction, records: readonly InputRecord[]): Promise<void> {
    const next = new Map<number, number>();
    for (const { partition, offset } of records) {
      next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1));
    }
    if (next.size === 0) return;
    await transaction.sendOffsets({
      consumerGroupId: this.names.invoicingGroup,
      topics: [{
        topic: this.names.ordersTopic,
        partitions: [...next].map(([partition, offset]) => ({
          partition,
          offset: String(offset),
        })),
      }],
    });
  }

  /** Puts a dead letter back on the orders topic, as a redrive does. */
  async redrive(letter: InputRecord, original: InputRecord): Promise<InputRecord> {
    const { deadLettersTopic, ordersTopic } = this.names;
    const from = `${deadLettersTopic}/${letter.partition}/${letter.offset}`;
    const [back] = await this.write(ordersTopic, [{
      key: original.key,
      value: original.value ?? new Uint8Array(),
      headers: [...original.headers, ["x-redriven-from", encoder.encode(from)]],
      partition: original.partition,
    }]);
    if (back === undefined) throw new Error("nothing was written");
    return back;
  }

  /** Writes records in a transaction of their own. */
  async write(
    topic: string,
    drafts: readonly Draft[],
    ending: Ending = "commit",
    also: (transaction: Transaction) => Promise<void> = () => Promise.resolve(),
  ): Promise<InputRecord[]> {
    let written: InputRecord[] = [];
    await this.#transaction(ending, async (transaction) => {
      written = await this.#send(transaction, topic, drafts);
      await also(transaction);
    });
    if (ending === "commit") this.#remember(written);
    return written;
  }

  #remember(records: readonly InputRecord[]): void {
    for (const record of records) {
      const place = `${record.topic}/${record.partition}`;
      this.#written.set(place, [...this.#written.get(place) ?? [], record]);
    }
  }

  async #transaction(
    ending: Ending,
    work: (transaction: Transaction) => Promise<void>,
  ): Promise<void> {
    const producer: Producer = this.#kafka.producer({
      transactionalId: `verify-test-${crypto.randomUUID()}`,
      maxInFlightRequests: 1,
      idempotent: true,
      transactionTimeout: 60_000,
    });
    await producer.connect();
    try {
      const transaction = await producer.transaction();
      await work(transaction);
      if (ending === "commit") await transaction.commit();
      if (ending === "abort") await transaction.abort();
    } finally {
      await producer.disconnect();
    }
  }

  async #send(
    transaction: Transaction,
    topic: string,
    drafts: readonly Draft[],
  ): Promise<InputRecord[]> {
    const byPartition = Map.groupBy(drafts, (draft) => draft.partition ?? placeFor(draft.key));
    const written: InputRecord[] = [];
    for (const [partition, group] of byPartition) {
      const messages = group.map((draft) => toMessage(draft, partition));
      const [answer] = await transaction.send({ topic, messages });
      const base = Number(answer?.baseOffset);
      group.forEach((draft, index) =>
        written.push({
          topic,
          partition,
          offset: base + index,
          timestamp: Number(messages[index]?.timestamp),
          key: bytesOf(draft.key),
          value: draft.value,
          headers: draft.headers ?? [],
        })
      );
    }
    return written;
  }

  /** Folds everything that was committed into the read model, with the real projection. */
  async project(onStep?: OnFoldStep): Promise<void> {
    const target = liveTarget(this.#projection(), "position");
    for (const records of this.#written.values()) {
      const [first] = records;
      if (first === undefined) continue;
      const { topic, partition } = first;
      const { nextOffset: from } = await positionOpener(this.sql, target)({ topic, partition });
      const fresh = records.filter(({ offset }) => offset >= from)
        .sort((one, two) => one.offset - two.offset);
      const nextOffset = Math.max(from, ...fresh.map(({ offset }) => offset + 1));
      const run = { records: fresh, nextOffset };
      await applyBatch(this.sql, target, { topic, partition }, from, run, onStep);
    }
  }

  /** Builds the read model anew from the log. */
  async rebuild(): Promise<void> {
    await using source = openLogSource(this.client);
    const bounds = { recordsMax: 1_000, bytesMax: 1_000_000 };
    const backoff = { firstMs: 100, waitMsMax: 1_000 };
    await rebuildProjection({ sql: this.sql, source, dedupe: "position", bounds, backoff }, {
      projection: this.#projection(),
      signal: AbortSignal.timeout(120_000),
    });
  }

  /** A right run from order to read model. */
  async run(count: number): Promise<InputRecord[]> {
    await this.place(count);
    const published = await this.relay();
    await this.work(published, published.map((record) => this.invoiceOf(record)));
    await this.project();
    return published;
  }

  /** What the checker says; `leftOpen` where a transaction will not end. */
  async verify(drained = true, leftOpen = false): Promise<ConservationReport> {
    return await checkConservation(this.sql, this.reader, {
      names: this.names,
      spillDir: this.spillDir,
      orderProblem,
      findHindrances: (topics) => whyOpen(this.client, topics),
      drained,
      openTransactionWaitMs: leftOpen ? openWaitMs : markersMsMax,
      signal: AbortSignal.timeout(120_000),
    });
  }

  /** The same in a database without tables, of topics that are not there. */
  async verifyNothing(): Promise<ConservationReport> {
    await using database = await freshDatabase();
    await using opened = openDatabase(database.url, {
      ...{ connectionsMax: 2, applicationName: "verify test" },
    });
    const gone = (topic: string) => `${topic}.none`;
    const { ordersTopic, invoicesTopic, deadLettersTopic } = this.names;
    return await checkConservation(opened.sql, this.reader, {
      names: {
        ...this.names,
        ordersTopic: gone(ordersTopic),
        invoicesTopic: gone(invoicesTopic),
        deadLettersTopic: gone(deadLettersTopic),
      },
      spillDir: this.spillDir,
      orderProblem,
      findHindrances: () => Promise.resolve([]),
      drained: false,
      openTransactionWaitMs: openWaitMs,
      signal: AbortSignal.timeout(60_000),
    });
  }

  /** What explain says: of what has ended, or, with `atOnce`, while a transaction is open. */
  async explain(orderId: string, how: "settled" | "atOnce" = "settled"): Promise<OrderExplanation> {
    const { names, spillDir, reader } = this;
    if (how === "settled") {
      const { ordersTopic, invoicesTopic, deadLettersTopic, cursorTopic } = names;
      await reader.ends([ordersTopic, invoicesTopic, deadLettersTopic], markersMsMax);
      await reader.offsets(names.relayGroup, [cursorTopic], markersMsMax);
      await reader.offsets(names.invoicingGroup, [ordersTopic], markersMsMax);
    }
    const signal = AbortSignal.timeout(120_000);
    return await explainOrder(this.sql, reader, orderId, {
      ...{ names, spillDir, orderProblem, signal },
      findHindrances: (topics) => whyOpen(this.client, topics),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function bytesOf(key: Draft["key"]): Uint8Array | null {
  return typeof key === "string" ? encoder.encode(key) : key;
}

function placeFor(key: Draft["key"]): number {
  return partitionForKey(bytesOf(key) ?? new Uint8Array(), partitionCount);
}

function toMessage(draft: Draft, partition: number): Message {
  // kafkajs takes headers as an object: names do not repeat in these tests.
  const headers: Record<string, Uint8Array> = {};
  for (const [name, value] of draft.headers ?? []) headers[name] = value ?? new Uint8Array();
  return {
    key: draft.key === null ? null : Buffer.from(bytesOf(draft.key) ?? []),
    value: Buffer.from(draft.value),
    headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, Buffer.from(v)])),
    partition,
    timestamp: String(Date.now()),
  };
}
