/** A Kafka in memory, as far as lanes and redrives need one: topics, transactions, committed offsets. Nothing in it fails. */
import { type Names, namesIn } from "../core/names.ts";
import {
  type AtomicWrite,
  type BatchBounds,
  type CommittedOffset,
  type LogRange,
  type PartitionReader,
  TransactionError,
  type Transactions,
  type Transactor,
} from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { RecordLog } from "../dead_letters/record_log.ts";
import { MemoryPartition } from "./memory_partition.ts";

const noOffset: CommittedOffset = { offset: -1, metadata: "" };

/** See the file's first line. A topic is there from its first use on. */
export class MemoryCluster implements RecordLog, Transactions {
  readonly names: Names = namesIn();
  readonly #topics = new Map<string, readonly MemoryPartition[]>();
  readonly #offsets = new Map<string, CommittedOffset>();
  readonly #epochs = new Map<string, number>();

  /** @param partitions of each topic; the topics in which onceflow keeps its state have one */
  constructor(readonly partitions: number, readonly clock: { readonly now: number }) {}

  /** The partitions of a topic. */
  topic(name: string): readonly MemoryPartition[] {
    const found = this.#topics.get(name);
    if (found) return found;
    const isState = name === this.names.parked || name === this.names.redriven;
    const length = isState ? 1 : this.partitions;
    const made = Array.from({ length }, (_, partition) => new MemoryPartition(name, partition));
    this.#topics.set(name, made);
    return made;
  }

  /** The names of the topics that are there, in the order of their first use. */
  topicNames(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** @throws {RangeError} when the topic has fewer partitions */
  partition({ topic, partition }: TopicPartition): MemoryPartition {
    const found = this.topic(topic)[partition];
    if (found) return found;
    throw new RangeError(
      `Topic ${topic} has no partition ${partition} in this test, only ${this.partitions}: ` +
        `say how many there are with the option "partitions"`,
    );
  }

  partitionCount(topic: string): Promise<number | undefined> {
    return Promise.resolve(this.#topics.get(topic)?.length);
  }

  now(): Promise<number> {
    return Promise.resolve(this.clock.now);
  }

  range(place: TopicPartition): Promise<LogRange> {
    return Promise.resolve(this.partition(place).range);
  }

  highWatermark(place: TopicPartition): Promise<number> {
    return Promise.resolve(this.partition(place).highWatermark);
  }

  openReader(place: TopicPartition, from: number): Promise<PartitionReader & AsyncDisposable> {
    const reader = new MemoryReader(this.partition(place), from);
    return Promise.resolve(
      Object.assign(reader, { [Symbol.asyncDispose]: () => Promise.resolve() }),
    );
  }

  /** The group's offset at this moment. */
  offset(groupId: string, place: TopicPartition): CommittedOffset {
    return this.#offsets.get(`${groupId}/${formatPartition(place)}`) ?? noOffset;
  }

  committedOffset(groupId: string, place: TopicPartition): Promise<CommittedOffset> {
    return Promise.resolve(this.offset(groupId, place));
  }

  stableOffset(groupId: string, place: TopicPartition): Promise<CommittedOffset> {
    return Promise.resolve(this.offset(groupId, place));
  }

  open(transactionalId: string): Promise<Transactor> {
    const epoch = (this.#epochs.get(transactionalId) ?? -1) + 1;
    this.#epochs.set(transactionalId, epoch);
    return Promise.resolve({
      transactionalId,
      commit: (write) => {
        if (this.#epochs.get(transactionalId) === epoch) {
          return Promise.resolve(this.#commit(write));
        }
        return Promise.reject(new TransactionError("migrated", `${transactionalId} was fenced`));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }

  shutOut(transactionalId: string): Promise<void> {
    const epoch = this.#epochs.get(transactionalId);
    if (epoch !== undefined) this.#epochs.set(transactionalId, epoch + 1);
    return Promise.resolve();
  }

  #commit({ records, offsets }: AtomicWrite): void {
    const transaction = {};
    const touched = new Set<MemoryPartition>();
    for (const record of records) {
      const partition = this.partition(record);
      partition.append(record, this.clock.now, { transaction });
      touched.add(partition);
    }
    for (const { groupId, offset, metadata = "", ...place } of offsets) {
      this.#offsets.set(`${groupId}/${formatPartition(place)}`, { offset, metadata });
    }
    for (const partition of touched) partition.end(transaction, "committed");
  }
}

/** Reads one partition. At the end of what is committed it tells so, and waits for its signal. */
export class MemoryReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;

  constructor(
    readonly log: MemoryPartition,
    public position: number,
    readonly onEnd: () => void = () => {},
  ) {
    ({ topic: this.topic, partition: this.partition } = log);
  }

  seek(offset: number): void {
    this.position = offset;
  }

  range(): Promise<LogRange> {
    return Promise.resolve(this.log.range);
  }

  async next(bounds: BatchBounds, signal: AbortSignal) {
    if (this.position >= this.log.range.end) this.onEnd();
    if (this.position >= this.log.range.end) await untilAborted(signal);
    const batch = this.log.read(this.position, bounds);
    this.position = batch.nextOffset;
    return batch;
  }
}

/** Rejects with the signal's reason when that fires. */
function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}
