/**
 * The owner of one transactional id: begin, send, sendOffsets and commit are called here and nowhere else.
 *
 * It never retries a step whose outcome is unknown: it throws, and its owner opens a new one (the poison rule,
 * src/README.md; the shape is Kafka Streams' `StreamsProducer`). It aborts in one case alone: the group has refused the offsets,
 * so that all of it was answered and nothing of it can commit.
 *
 * The offsets go first. What follows a commit at once is refused until that one's markers are written, and a broker that
 * follows KIP-890 keeps a Produce meanwhile, to look again every 20 ms (`add.partitions.to.txn.retry.backoff.ms`); a
 * TxnOffsetCommit is refused at once, and asked again after 2 ms.
 */
import {
  type AtomicWrite,
  type OffsetCommit,
  TransactionError,
  type Transactor,
} from "../core/ports.ts";
import type { OutputRecord } from "../core/record.ts";
import { transactionError, verdictOf } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { addressRecords, batchBytesMaxDefault } from "./patches/send_messages.ts";
import { errorInChain } from "./refused_request.ts";
import { commitAs } from "./transaction_requests.ts";
import type { TopicDirectory } from "./topic_directory.ts";
import { cacheCoordinators } from "./coordinator_cache.ts";
import { emitterClass, type VendorCluster } from "./vendor.ts";
import {
  createProducer,
  inOneBatch,
  type VendorProducer,
  type VendorTransaction,
} from "./vendor_producer.ts";
import { whileConcurrent } from "./while_concurrent.ts";

/** Where a transaction stands, in this order; named for crash tests. */
export type TransactionStep =
  | "after-init-producer-id"
  | "before-offsets"
  | "before-send"
  | "before-end-txn"
  | "after-commit";

/** Settings of a transactor. */
export interface TransactorOptions {
  /** After this long the coordinator aborts an open transaction, milliseconds. */
  readonly transactionTimeoutMs: number;
  /** The largest record batch to send, bytes; a topic that takes less gets less. */
  readonly batchBytesMax?: number;
  /** What is known of the topics that are written to. */
  readonly topics?: TopicDirectory;
  /** The longest wait for an answer, milliseconds. */
  readonly requestTimeoutMs?: number;
  /** Sequence numbers of kafkajs wrap wrongly at 2^31: renewed after so many records. */
  readonly recordsPerProducerMax?: number;
  /** Told of each transaction of protocol 2 whose commit was answered. */
  readonly onCommitted?: VendorCluster["onCommitted"];
  /** Called at each step; a test may crash or wait there. */
  readonly onStep?: (step: TransactionStep, transactionalId: string) => void | Promise<void>;
}

const recordsPerProducerMaxDefault = 1_000_000_000;

/**
 * InitProducerId: fences every older owner of `transactionalId`, and finishes or aborts what it left open.
 *
 * @throws {TransactionError}
 */
export async function openTransactor(
  client: KafkaClient,
  transactionalId: string,
  options: TransactorOptions,
): Promise<Transactor> {
  const cluster = client.cluster({
    batchBytesMax: batchBytesFor(options),
    requestTimeoutMs: options.requestTimeoutMs,
  });
  cluster.onCommitted = options.onCommitted;
  const Emitter = emitterClass();
  const producer = createProducer()({
    cluster,
    logger: client.logger,
    createPartitioner: () => () => {
      throw new Error("every record names its partition");
    },
    // Transactional sends are idempotent all the same, and this alone allows zero retries.
    idempotent: false,
    retry: { retries: 0 },
    transactionalId,
    transactionTimeout: options.transactionTimeoutMs,
    instrumentationEmitter: new Emitter({}),
  });
  try {
    await producer.connect();
    const first = await producer.transaction();
    await options.onStep?.("after-init-producer-id", transactionalId);
    cacheCoordinators(cluster);
    return new KafkaTransactor(transactionalId, cluster, producer, first, options, client.user);
  } catch (error) {
    await producer.disconnect().catch(() => {});
    const request = { transactionalId, user: client.user };
    throw transactionError(`Cannot open transactional id ${transactionalId}`, error, request);
  }
}

/** The largest batch for each topic. */
export function batchBytesFor(
  { batchBytesMax = batchBytesMaxDefault, topics }: Pick<
    TransactorOptions,
    "batchBytesMax" | "topics"
  >,
): (topic: string) => number {
  return (topic) => Math.min(batchBytesMax, topics?.recordBytesMax(topic) ?? Infinity);
}

class KafkaTransactor implements Transactor {
  #next: VendorTransaction | undefined;
  #records = 0;
  #usable = true;

  constructor(
    readonly transactionalId: string,
    readonly cluster: VendorCluster,
    readonly producer: VendorProducer,
    first: VendorTransaction,
    readonly options: TransactorOptions,
    readonly user: string | undefined,
  ) {
    this.#next = first;
  }

  async commit({ records, offsets, member }: AtomicWrite): Promise<void> {
    if (!this.#usable) {
      throw new TransactionError("unknown", `${this.transactionalId} was used after a failure`);
    }
    // Until the commit is acknowledged, any way out of here leaves a producer that must not be used again.
    this.#usable = false;
    this.#records += records.length;
    const { onStep, recordsPerProducerMax = recordsPerProducerMaxDefault } = this.options;
    if (this.#records > recordsPerProducerMax) {
      throw new TransactionError("unknown", `${this.transactionalId} is due for renewal`);
    }
    let transaction: VendorTransaction | undefined;
    try {
      const begun = transaction = this.#next ?? await this.producer.transaction();
      this.#next = undefined;
      if (records.length > 0) await addressRecords(this.cluster, records);
      await onStep?.("before-offsets", this.transactionalId);
      for (const [consumerGroupId, topics] of byGroup(offsets)) {
        if (member) commitAs(topics, member);
        await whileConcurrent(() => begun.sendOffsets({ consumerGroupId, topics }));
      }
      await onStep?.("before-send", this.transactionalId);
      if (records.length > 0) await transaction.sendBatch(inOneBatch(records));
      await onStep?.("before-end-txn", this.transactionalId);
      await transaction.commit();
      await onStep?.("after-commit", this.transactionalId);
    } catch (error) {
      if (verdictOf(error) === "left-behind") await transaction?.abort().catch(() => {});
      const failure = await this.#failed(error, records, offsets);
      if (!failure.begun) {
        this.#next = transaction;
        this.#usable = true;
      }
      throw failure;
    }
    this.#usable = true;
  }

  /** What the failure means, with the names of what was refused. */
  async #failed(
    error: unknown,
    records: readonly OutputRecord[],
    offsets: readonly OffsetCommit[],
  ): Promise<TransactionError> {
    const written = [...new Set(records.map(({ topic }) => topic))];
    const smallerNext = await this.options.topics?.failed(error, written) ?? false;
    const ofOffsets = errorInChain(error, ({ apiName }) => apiName === "TxnOffsetCommit");
    const request = {
      transactionalId: this.transactionalId,
      groupId: offsets[0]?.groupId,
      topics: ofOffsets ? offsets.map(({ topic }) => topic) : written,
      needs: [ofOffsets ? "Read" : "Write"],
      user: this.user,
    };
    const action = `Cannot commit a transaction of ${this.transactionalId}`;
    const failure = transactionError(action, error, request);
    if (!smallerNext) return failure;
    return new TransactionError("unknown", `${failure.message}; smaller batches from now on`, {
      cause: error,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#usable = false;
    await this.producer.disconnect();
  }
}

type GroupOffsets = { topic: string; partitions: GroupPartition[] }[];
type GroupPartition = { partition: number; offset: string; metadata?: string };

function byGroup(offsets: readonly OffsetCommit[]): Map<string, GroupOffsets> {
  const groups = new Map<string, GroupOffsets>();
  for (const { groupId, topic, partition, offset, metadata } of offsets) {
    let topics = groups.get(groupId);
    if (!topics) groups.set(groupId, topics = []);
    let entry = topics.find((candidate) => candidate.topic === topic);
    if (!entry) topics.push(entry = { topic, partitions: [] });
    entry.partitions.push({ partition, offset: String(offset), metadata });
  }
  return groups;
}
