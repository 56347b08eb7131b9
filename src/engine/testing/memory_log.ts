/** A log in memory for tests of several flows: what one writes the next one reads, as over Kafka, without a broker. */
import type { Flow } from "../core/flow.ts";
import type { InputRecord, TopicPartition } from "../core/record.ts";
import type { TopicContract } from "../core/topic_contract.ts";
import { type DeadLetter, readDeadLetter } from "../dead_letters/read_dead_letter.ts";
import { redriveDeadLetters, type RedriveReport } from "../dead_letters/redrive.ts";
import { type GivenRecord, newRecord, partitionOf } from "./given_record.ts";
import { MemoryCluster } from "./memory_cluster.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { type Outage, type Retry, type WorkLog, workOff } from "./work_off.ts";

/** Options of {@linkcode memoryLog} and {@linkcode testFlow}. */
export interface MemoryLogOptions {
  /** Of each topic; 1 where absent, so that everything is in one order. */
  readonly partitions?: number;
  /** Records in one transaction; 2,000 where absent, as in production. */
  readonly batchRecordsMax?: number;
  /** The largest record that is written, bytes; 900,000 where absent, as in production. */
  readonly recordBytesMax?: number;
  /** When the log begins, milliseconds since the epoch; the start of the year 2025 where absent. */
  readonly startMs?: number;
  /** A flow that waits for longer fails the test, milliseconds of virtual time; a day where absent. */
  readonly waitMsMax?: number;
  /** A run that works on more records than that ends in an error: flows feed each other for ever. 100,000 where absent. */
  readonly recordsMax?: number;
}

/** What flows did in one run. */
export interface FlowWork {
  /** Records that were tried again, in the order in which they failed. */
  readonly retries: readonly Retry[];
  /** Dependencies that were down, in the order in which they came back. */
  readonly outages: readonly Outage[];
  /** How long retries and outages took, milliseconds of virtual time. */
  readonly waitedMs: number;
  /** Records that were worked on. */
  readonly records: number;
}

/** Records that become visible at once, or never. */
export interface MemoryTransaction {
  /** Writes events; nobody who reads committed records sees them, or what lies behind them, until the end. */
  append<T>(contract: TopicContract<T>, ...events: readonly T[]): MemoryTransaction;
  /** Makes them visible. */
  commit(): void;
  /** Nobody will ever see them. */
  abort(): void;
}

/** Which dead letters to send back; absent parts match all. */
export interface RedriveSelection {
  /** The class of their failure, such as `PoisonError`. */
  readonly errorClass?: string;
  /** Their key, as text. */
  readonly key?: string;
}

/** What is looked at of a flow here. */
export type ReadingFlow = Pick<Flow<unknown>, "inputs" | "groupId" | "deadLettersOf">;

/** A log in memory; see {@linkcode memoryLog}. */
export interface MemoryLog {
  /** Virtual time, milliseconds since the epoch: the time of what is written now. */
  readonly now: number;
  /** Writes events to the contract's topic, each to the partition of its key. */
  append<T>(contract: TopicContract<T>, ...events: readonly T[]): MemoryLog;
  /** Writes records with bytes of their own, whatever topic they name. Throws a RangeError for a partition that is not there. */
  appendRecords(topic: string, ...records: readonly GivenRecord[]): MemoryLog;
  /** Begins a transaction of somebody else's. */
  transaction(): MemoryTransaction;
  /**
   * Lets the flows work, in turn, until none has anything left to read. A flow begins with the first record, whatever its
   * `startFrom` says, and goes on from its committed offsets, one partition after the other.
   *
   * @throws {HaltError} when a transform does; an Error when a flow cannot come to an end: it waits for longer than
   * `waitMsMax`, or the flows feed each other for ever
   */
  // deno-lint-ignore no-explicit-any -- flows of any event type
  run(...flows: readonly Flow<any>[]): Promise<FlowWork>;
  /** The committed events of a topic, in the order of their partitions. Throws a PoisonError where one cannot be read. */
  events<T>(contract: TopicContract<T>): readonly T[];
  /** The committed records of a topic, in the order of their partitions. */
  records(topic: string): readonly InputRecord[];
  /** The topics that something was written to, and those that flows have asked for. */
  topics(): readonly string[];
  /** What the flow could not process, with what its headers say, in the order of the partitions. */
  deadLetters(flow: ReadingFlow): readonly DeadLetter[];
  /** Sends dead letters back to where they came from, each once, as `dlq redrive` does. Run the flow again then. */
  redrive(flow: ReadingFlow, selection?: RedriveSelection): Promise<RedriveReport>;
  /** The flow's next offset in a partition of its input, the first one where absent; -1 where it has committed none. */
  committedOffset(flow: ReadingFlow, place?: Partial<TopicPartition>): number;
}

const everything = { recordsMax: Infinity, bytesMax: Infinity };

/**
 * An empty log in memory, with topics as they are needed. Flows run over it with the lane, the planner, the dead letters,
 * the parked keys and the redrive of production; only Kafka is not there, and pauses take no time.
 *
 * @example
 * ```ts ignore
 * const log = memoryLog({ partitions: 3 }).append(parcels, { parcel_id: "a", items: 2 });
 * await log.run(labelling, shipping);
 * assertEquals(log.events(shipments), [{ parcel_id: "a", weight_g: 500 }]);
 * ```
 */
export function memoryLog(options: MemoryLogOptions = {}): MemoryLog {
  const {
    partitions = 1,
    batchRecordsMax = 2_000,
    recordBytesMax = 900_000,
    startMs = Date.UTC(2025, 0, 1),
    waitMsMax = 24 * 3_600_000,
    recordsMax = 100_000,
  } = options;
  const clock = new VirtualClock(startMs);
  const cluster = new MemoryCluster(partitions, clock);
  const bounds = { batchRecordsMax, recordBytesMax, waitMsMax };

  function append(topic: string, record: GivenRecord, transaction?: object) {
    const count = cluster.topic(topic).length;
    const place = cluster.partition({ topic, partition: partitionOf(record, count) });
    place.append(newRecord(record), clock.now, { transaction, offset: record.offset });
    return place;
  }

  const recordsOf = (topic: string) =>
    cluster.topicNames().includes(topic)
      ? cluster.topic(topic).flatMap((partition) => partition.read(0, everything).records)
      : [];

  const log: MemoryLog = {
    get now() {
      return clock.now;
    },
    append(contract, ...events) {
      for (const event of events) append(contract.name, contract.event(event));
      return log;
    },
    appendRecords(topic, ...records) {
      for (const record of records) append(topic, record);
      return log;
    },
    transaction() {
      const token = {};
      const touched = new Set<ReturnType<typeof append>>();
      const end = (outcome: "committed" | "aborted") => {
        for (const partition of touched) partition.end(token, outcome);
      };
      const transaction: MemoryTransaction = {
        append(contract, ...events) {
          for (const event of events) {
            touched.add(append(contract.name, contract.event(event), token));
          }
          return transaction;
        },
        commit: () => end("committed"),
        abort: () => end("aborted"),
      };
      return transaction;
    },
    async run(...flows) {
      const startedAt = clock.now;
      const work: WorkLog = { retries: [], outages: [], records: 0 };
      for (let hasWorked = true; hasWorked;) {
        hasWorked = false;
        for (const flow of flows) {
          for (const place of flow.inputs.flatMap(({ name }) => cluster.topic(name))) {
            if (place.range.end <= Math.max(0, cluster.offset(flow.groupId, place).offset)) {
              continue;
            }
            await workOff(flow, place, { cluster, clock }, bounds, work);
            hasWorked = true;
          }
        }
        if (work.records > recordsMax) {
          throw new Error(`The flows have not come to an end after ${recordsMax} records`);
        }
      }
      const { retries, outages, records } = work;
      return { retries, outages, records, waitedMs: clock.now - startedAt };
    },
    events: (contract) => recordsOf(contract.name).map((record) => contract.decode(record)),
    records: recordsOf,
    topics: () => cluster.topicNames(),
    deadLetters: (flow) => deadLetterTopics(flow).flatMap(recordsOf).map(readDeadLetter),
    async redrive(flow, { errorClass, key } = {}) {
      const wanted = { errorClass, key: key === undefined ? undefined : encoder.encode(key) };
      const reports: RedriveReport[] = [];
      for (const topic of deadLetterTopics(flow)) {
        cluster.topic(topic);
        const prepare = () => Promise.resolve(void cluster.topic(cluster.names.redriven));
        const store = { log: cluster, transactions: cluster, transactionalIdsOf, topic, prepare };
        reports.push(await redriveDeadLetters(store, wanted));
      }
      return reports.reduce(together);
    },
    committedOffset({ groupId, inputs }, { topic = inputs[0]?.name ?? "", partition = 0 } = {}) {
      return cluster.offset(groupId, { topic, partition }).offset;
    },
  };
  return log;
}

const encoder = new TextEncoder();
const transactionalIdsOf = () => Promise.resolve([]);

function deadLetterTopics({ inputs, deadLettersOf }: ReadingFlow): readonly string[] {
  return [...new Set(inputs.map(({ name }) => deadLettersOf(name)))];
}

function together(one: RedriveReport, other: RedriveReport): RedriveReport {
  return {
    redriven: one.redriven + other.redriven,
    again: one.again + other.again,
    skipped: one.skipped + other.skipped,
    refused: one.refused + other.refused,
    removed: one.removed + other.removed,
    byTopic: { ...one.byTopic, ...other.byTopic },
  };
}
