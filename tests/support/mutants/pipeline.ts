/** A real pipeline on the tests' services whose parts a test may swap for wrong ones, and the checker that must notice. */
import { delay } from "../../../src/engine/core/delay.ts";
import type { Delivery } from "../../../src/engine/core/delivery.ts";
import type { GroupCommitter } from "../../../src/engine/core/group_committer.ts";
import { runLane } from "../../../src/engine/core/lane.ts";
import type { Assignment, PartitionReader, Transactions } from "../../../src/engine/core/ports.ts";
import { createKafkaClient, type KafkaClient } from "../../../src/engine/kafka/kafka_client.ts";
import { withCluster } from "../../../src/engine/kafka/group_standing.ts";
import { fetchPlainOffset } from "../../../src/engine/kafka/plain_offset.ts";
import { openPartitionReader } from "../../../src/engine/kafka/open_partition_reader.ts";
import { ensureTopics } from "../../../src/engine/kafka/topics.ts";
import { createTransactions } from "../../../src/engine/kafka/transactions.ts";
import type { TransactorOptions } from "../../../src/engine/kafka/transactor.ts";
import { invoicing } from "../../../src/app/orders/invoicing.ts";
import { orderMigrations } from "../../../src/app/orders/migrations.ts";
import { placeOrder } from "../../../src/app/orders/place_order.ts";
import { allOutboxMigrations } from "../../../src/engine/outbox/outbox_migrations.ts";
import { relayShard } from "../../../src/engine/outbox/relay_shard.ts";
import { openRelayLeads } from "../../../src/engine/outbox/relay_lead.ts";
import { relayStore } from "../../../src/engine/outbox/relay_store.ts";
import { openDatabase, type Sql } from "../../../src/engine/postgres/database.ts";
import { migrate } from "../../../src/engine/postgres/migrate.ts";
import { orderProblem } from "../../../src/app/orders/order_record.ts";
import {
  checkConservation,
  type PipelineNames,
} from "../../../src/tools/verify/check_conservation.ts";
import type { FindingKind } from "../../../src/tools/verify/finding.ts";
import { type LogReader, openLogReader } from "../../../src/tools/verify/log_reader.ts";
import {
  checkSequences,
  type SequenceFinding,
} from "../../../src/tools/torture/check_sequences.ts";
import { sequenceTopicsNamed } from "../../../src/tools/torture/sequence_flow.ts";
import { loneCommitter } from "../lone_committer.ts";
import { freshDatabase, services } from "../services.ts";
import { testJars } from "./jars.ts";

/** Generous: on a machine that is busy with other things a step takes long, and is none the worse for it. */
const stepMsMax = 60_000;
/** Markers follow the answer to EndTxn. What is still open after this was left open. */
const markersMsMax = 20_000;
/** Longer than any test: nobody's transaction is to be ended by the broker. */
const transactionTimeoutMs = 120_000;
const partition = 0;

/** The independent reader, shared by the tests of a file: a JVM takes a while to start. */
export async function openTestReader(
  signal: AbortSignal = new AbortController().signal,
): Promise<LogReader> {
  const { kafkaBrokers } = await services();
  const tools = { jarsDir: await testJars(), cacheDir: ".onceflow/verify" };
  return await openLogReader({ brokers: kafkaBrokers, ssl: false }, tools, signal);
}

/** How a flow is run: each part is the engine's own unless a test brings another. */
export interface FlowParts {
  readonly delivery: Delivery;
  readonly reader?: PartitionReader & AsyncDisposable;
  /** Calls what would commit an offset outside of a transaction. */
  readonly commitOffset?: (offset: number, metadata?: string) => Promise<void>;
  readonly stillOwned?: () => Promise<boolean>;
  /** Over when this resolves; when all is processed where absent. */
  readonly until?: Promise<unknown>;
}

/** See the file's first line. One partition a topic. */
export class Pipeline implements AsyncDisposable {
  readonly names: PipelineNames;
  readonly sequences;

  private constructor(
    readonly owned: AsyncDisposableStack,
    readonly client: KafkaClient,
    readonly reader: LogReader,
    readonly sql: Sql,
    readonly databaseUrl: string,
    readonly spillDir: string,
    prefix: string,
  ) {
    this.names = {
      ordersTopic: `${prefix}.orders`,
      invoicesTopic: `${prefix}.invoices`,
      deadLettersTopic: `${prefix}.orders.DLQ`,
      cursorTopic: `${prefix}.cursor`,
      relayGroup: `${prefix}.relay`,
      invoicingGroup: "onceflow.invoicing",
      redriveGroup: `${prefix}.redrive`,
      projection: "order_views",
    };
    this.sequences = sequenceTopicsNamed(`${prefix}.torture`);
  }

  static async open(reader: LogReader): Promise<Pipeline> {
    await using stack = new AsyncDisposableStack();
    const { kafkaBrokers: brokers } = await services();
    const { url } = stack.use(await freshDatabase());
    const { sql } = stack.use(
      openDatabase(url, { connectionsMax: 6, applicationName: "mutant test" }),
    );
    await migrate(sql, [
      ...allOutboxMigrations,
      ...orderMigrations,
    ]);
    await sql`create table torture_sequence (key text primary key, seq int not null)`;
    const spillDir = stack.adopt(
      await Deno.makeTempDir({ prefix: "mutant-" }),
      (path) => Deno.remove(path, { recursive: true }),
    );
    const client = createKafkaClient({ brokers, clientId: "mutant", ssl: false });
    const prefix = `mutant-${crypto.randomUUID().slice(0, 8)}`;
    const pipeline = new Pipeline(stack.move(), client, reader, sql, url, spillDir, prefix);
    const { ordersTopic, invoicesTopic, deadLettersTopic, cursorTopic } = pipeline.names;
    const topics = [ordersTopic, invoicesTopic, deadLettersTopic, cursorTopic];
    await ensureTopics(
      client,
      [...topics, ...Object.values(pipeline.sequences)]
        .map((topic) => ({ topic, partitions: 1, replicationFactor: 1 })),
    );
    return pipeline;
  }

  /** Transactions of the engine; disposed of with the pipeline. */
  transactions(options: Partial<TransactorOptions> = {}): Transactions {
    return this.owned.use(
      createTransactions(this.client, { transactionTimeoutMs, ...options }),
    );
  }

  /** The engine's committer on these, for the one partition of the orders. */
  committer(transactions: Transactions): GroupCommitter {
    const { invoicingGroup: groupId, ordersTopic: topic } = this.names;
    return this.owned.use(loneCommitter(transactions, { groupId, topic, partition }));
  }

  async place(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await placeOrder(
        this.sql,
        { userId: `user-${i}`, amount: "10.00", currency: "EUR" },
        { topic: this.names.ordersTopic, shards: 1, now: () => new Date() },
      );
    }
  }

  /** Runs a relay until nothing is left to publish, or `until` resolves. */
  async relay(
    parts: {
      readonly sql?: Sql;
      readonly transactions?: Transactions;
      readonly until?: Promise<unknown>;
    } = {},
  ): Promise<void> {
    const stop = new AbortController();
    await using leads = openRelayLeads(this.databaseUrl, {
      name: "mutant",
      applicationName: "mutant relay",
    });
    const { relayGroup: groupId, cursorTopic } = this.names;
    const place = { shard: 0, groupId, cursorTopic };
    const running = relayShard(
      {
        store: relayStore(parts.sql ?? this.sql, place),
        transactions: parts.transactions ?? this.transactions(),
        lead: leads.of(0),
        partitionCount: () => 1,
      },
      {
        ...place,
        ...{ batchRecordsMax: 10, pollIntervalMs: 5, retentionHours: 24 },
      },
      stop.signal,
    );
    try {
      await Promise.race([running, parts.until ?? this.#published()]);
    } finally {
      stop.abort();
      await running;
    }
  }

  /** Resolves when so many committed records are on the orders topic. */
  async published(recordsMin: number): Promise<void> {
    await this.written(this.names.ordersTopic, recordsMin);
  }

  /** Resolves when so many committed records are on the topic. */
  async written(topic: string, recordsMin: number): Promise<void> {
    await this.#when(async () => {
      const [ends] = await this.reader.ends([topic], 0);
      const range = ends?.partitions[0];
      if (!range || range.lastStable < recordsMin) return false;
      let committed = 0;
      const { start: from, lastStable: stable } = range;
      await this.reader.read({ topic, partition, from, stable, to: stable }, ({ state }) => {
        if (state === "committed") committed++;
      });
      return committed >= recordsMin;
    }, `${recordsMin} records are on ${topic}`);
  }

  async #published(): Promise<void> {
    await this.#when(async () => {
      const [row] = await this.sql<{ last: number | null }[]>`
        select max(position) as last from outbox
      `;
      const [cursor] = await this.reader.offsets(this.names.relayGroup, [this.names.cursorTopic]);
      return (cursor?.offset ?? 0) > (row?.last ?? 0);
    }, "everything is published");
  }

  /** Runs the invoicing flow on the one partition. */
  async invoice({ delivery, until, ...parts }: FlowParts): Promise<void> {
    const { ordersTopic: topic, invoicesTopic, deadLettersTopic, invoicingGroup } = this.names;
    const stop = new AbortController();
    await using own = new AsyncDisposableStack();
    const reader = own.use(
      parts.reader ?? await openPartitionReader(this.client, { topic, partition }, 0),
    );
    const flow = invoicing(this.sql, {
      ...{ orders: topic, invoices: invoicesTopic, deadLetters: deadLettersTopic },
      now: () => new Date(),
    });
    const assignment: Assignment = {
      groupId: invoicingGroup,
      reader,
      signal: stop.signal,
      stillOwned: parts.stillOwned ?? (() => Promise.resolve(true)),
      commitOffset: parts.commitOffset ??
        ((offset, metadata) => this.commitOffset(offset, metadata)),
      committedOffset: () =>
        withCluster(this.client, (cluster) => fetchPlainOffset(cluster, invoicingGroup, reader)),
    };
    const running = runLane(
      flow,
      assignment,
      delivery,
      { partitionCount: () => 1, recordBytesMax: 100_000, planMsMax: 5_000 },
      { recordsMax: 10, bytesMax: 1_000_000, dependencyBackoffMsMax: 1_000 },
    );
    try {
      await Promise.race([running, until ?? this.invoiced()]);
    } finally {
      stop.abort(new DOMException("The test ends the lane", "AbortError"));
      await running;
    }
  }

  /** The offset behind everything that is on the orders topic. */
  async endOfOrders(): Promise<number> {
    const [ends] = await this.reader.ends([this.names.ordersTopic], 0);
    return ends?.partitions[0]?.highWatermark ?? 0;
  }

  /** Resolves when the group's offset has reached the end of the orders topic. */
  async invoiced(): Promise<void> {
    const { ordersTopic, invoicingGroup } = this.names;
    await this.#when(async () => {
      const end = await this.endOfOrders();
      const [found] = await this.reader.offsets(invoicingGroup, [ordersTopic]);
      return end > 0 && (found?.offset ?? 0) >= end;
    }, "everything is invoiced");
  }

  /** A plain offset commit, as a member makes it. */
  async commitOffset(offset: number, metadata?: string): Promise<void> {
    const { ordersTopic: topic, invoicingGroup: groupId } = this.names;
    const cluster = this.client.cluster();
    await cluster.connect();
    try {
      const coordinator = await cluster.findGroupCoordinator({ groupId });
      await coordinator.offsetCommit({
        ...{ groupId, groupGenerationId: -1, memberId: "" },
        topics: [{ topic, partitions: [{ partition, offset: String(offset), metadata }] }],
      });
    } finally {
      await cluster.disconnect();
    }
  }

  /** The kinds that the checker finds, apart from what this pipeline does not run (there is no projector). */
  async findings(): Promise<FindingKind[]> {
    const report = await checkConservation(this.sql, this.reader, {
      names: this.names,
      spillDir: this.spillDir,
      orderProblem,
      drained: false,
      openTransactionWaitMs: markersMsMax,
      signal: AbortSignal.timeout(stepMsMax),
    });
    return [...new Set(report.findings.map(({ kind }) => kind))];
  }

  /** The kinds that the checker of the numbered events finds on their input: how the relay did. */
  async sequenceFindings(): Promise<SequenceFinding["kind"][]> {
    const report = await checkSequences(this.sql, this.reader, {
      topics: this.sequences,
      openTransactionWaitMs: markersMsMax,
      inputOnly: true,
    });
    return report.findings.map(({ kind }) => kind);
  }

  async #when(look: () => Promise<boolean>, what: string): Promise<void> {
    const end = performance.now() + stepMsMax;
    while (!await look()) {
      if (performance.now() > end) throw new Error(`Waited ${stepMsMax} ms in vain until ${what}`);
      await delay(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.owned.disposeAsync();
  }
}
