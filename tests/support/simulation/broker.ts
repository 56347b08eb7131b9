/**
 * Kafka as the engine meets it: logs with transactions, transaction coordinators that write the markers when they come to
 * it, and a group whose offsets are pending until then. What is done here is done at once; the network is the world's.
 */
import {
  type CommittedOffset,
  type GroupMember,
  type OffsetCommit,
} from "../../../src/engine/core/ports.ts";
import {
  formatPartition,
  type InputRecord,
  type OutputRecord,
  type TopicPartition,
} from "../../../src/engine/core/record.ts";
import { MemoryPartition } from "../../../src/engine/testing/memory_partition.ts";
import { Group } from "./group.ts";
import type { World } from "./world.ts";

/** Another producer has the id. */
export class Fenced extends Error {}

/** The last transaction of the id has not ended everywhere: ask again. */
export class Concurrent extends Error {}

/** A transaction is pending on the offset: ask again. */
export class Unstable extends Error {}

/** An offset as it lies in the log of the group's coordinator. */
interface OffsetRecord extends CommittedOffset {
  /** Its place there. */
  readonly place: number;
}

interface Transaction {
  readonly partitions: Set<MemoryPartition>;
  /** By partition. */
  readonly offsets: Map<string, OffsetRecord>;
}

interface TransactionalId {
  epoch: number;
  open: Transaction | undefined;
  /** Decided, and not all of its markers are written. */
  ending: Transaction | undefined;
}

const transactionMsMax = 4_000;

/** See the file's first lines. */
export class Broker {
  /** Whatever was written, whatever became of it. */
  readonly everything = new Map<string, InputRecord[]>();
  readonly group: Group;
  readonly #topics = new Map<string, readonly MemoryPartition[]>();
  readonly #ids = new Map<string, TransactionalId>();
  readonly #committed = new Map<string, OffsetRecord>();
  #offsetRecords = 0;
  readonly #pending = new Map<string, Set<Transaction>>();
  #changed: (() => void)[] = [];
  /** How often something may have become readable. */
  changes = 0;

  constructor(readonly world: World, readonly partitions: number, topics: readonly string[]) {
    this.group = new Group(world, partitions);
    for (const name of topics) {
      const count = /\.(parked|lanes)$/.test(name) ? 1 : partitions;
      const made = Array.from({ length: count }, (_, number) => new MemoryPartition(name, number));
      this.#topics.set(name, made);
    }
  }

  partition({ topic, partition }: TopicPartition): MemoryPartition {
    const found = this.#topics.get(topic)?.[partition];
    if (!found) throw new Error(`there is no ${topic}-${partition}`);
    return found;
  }

  partitionCount(topic: string): number | undefined {
    return this.#topics.get(topic)?.length;
  }

  /** Calls back when something may have become readable since there were so many changes. */
  onChange(changes: number, wake: () => void): void {
    if (changes < this.changes) wake();
    else this.#changed.push(wake);
  }

  /** To be called by whoever writes to a partition himself. */
  changed(): void {
    this.changes++;
    for (const wake of this.#changed.splice(0)) wake();
  }

  /** Fences the id and ends what it left open. Throws until that has ended everywhere. */
  initProducerId(id: string): number {
    const state = this.#id(id);
    if (state.open) {
      state.epoch++;
      this.#end(state, "aborted");
    }
    if (state.ending) throw new Concurrent(id);
    return ++state.epoch;
  }

  hasId(id: string): boolean {
    return this.#ids.has(id);
  }

  produce(id: string, epoch: number, records: readonly OutputRecord[]): void {
    const transaction = this.#begin(id, epoch);
    for (const record of records) {
      const partition = this.partition(record);
      const { now: timestamp } = this.world.time;
      const offset = partition.append(record, timestamp, { transaction });
      const all = this.everything.get(formatPartition(partition)) ?? [];
      const [key, value] = [bytesOf(record.key), bytesOf(record.value)];
      all.push({ timestamp, ...record, offset, key, value });
      this.everything.set(formatPartition(partition), all);
      transaction.partitions.add(partition);
    }
  }

  sendOffsets(
    id: string,
    epoch: number,
    offsets: readonly OffsetCommit[],
    member: GroupMember | undefined,
  ): void {
    const transaction = this.#begin(id, epoch);
    // Taken from anybody where no member is named, as Kafka does.
    if (member) this.group.check(member);
    for (const { offset, metadata = "", ...place } of offsets) {
      const name = formatPartition(place);
      transaction.offsets.set(name, { offset, metadata, place: this.#offsetRecords++ });
      const pending = this.#pending.get(name) ?? new Set();
      this.#pending.set(name, pending.add(transaction));
    }
  }

  endTransaction(id: string, epoch: number, outcome: "committed" | "aborted"): void {
    const state = this.#fence(id, epoch);
    if (state.open) this.#end(state, outcome);
  }

  /** Outside of any transaction. */
  produceAlone(records: readonly OutputRecord[]): void {
    for (const record of records) this.partition(record).append(record, this.world.time.now);
  }

  commitAlone(member: GroupMember, place: TopicPartition, offset: number, metadata = ""): void {
    this.group.check(member);
    this.#commit(formatPartition(place), { offset, metadata, place: this.#offsetRecords++ });
  }

  /** By somebody who names no member: nobody is asked. */
  commitForeign(place: TopicPartition, offset: number): void {
    this.#commit(formatPartition(place), { offset, metadata: "", place: this.#offsetRecords++ });
  }

  /** As when they have expired, or the group was deleted. */
  forgetOffsets(): void {
    this.#committed.clear();
  }

  stableOffset(place: TopicPartition): CommittedOffset {
    if ((this.#pending.get(formatPartition(place))?.size ?? 0) > 0) throw new Unstable();
    return this.committedOffset(place);
  }

  committedOffset(place: TopicPartition): CommittedOffset {
    return this.#committed.get(formatPartition(place)) ?? { offset: -1, metadata: "" };
  }

  /** The latest record counts, in whatever order the markers come (`OffsetMetadataManager`, Kafka 4). */
  #commit(partition: string, record: OffsetRecord): void {
    const before = this.#committed.get(partition);
    if (!before || before.place < record.place) this.#committed.set(partition, record);
  }

  #id(id: string): TransactionalId {
    const found = this.#ids.get(id) ?? { epoch: -1, open: undefined, ending: undefined };
    this.#ids.set(id, found);
    return found;
  }

  #fence(id: string, epoch: number): TransactionalId {
    const state = this.#id(id);
    if (state.epoch !== epoch) throw new Fenced(id);
    return state;
  }

  #begin(id: string, epoch: number): Transaction {
    const state = this.#fence(id, epoch);
    if (state.ending) throw new Concurrent(id);
    if (state.open) return state.open;
    const transaction: Transaction = { partitions: new Set(), offsets: new Map() };
    state.open = transaction;
    this.world.time.after(transactionMsMax, () => {
      if (state.open !== transaction) return;
      state.epoch++;
      this.#end(state, "aborted");
    });
    return transaction;
  }

  /** Decided at once; the markers come one by one, and offsets are a partition of their own. */
  #end(state: TransactionalId, outcome: "committed" | "aborted"): void {
    const transaction = state.open;
    if (!transaction) return;
    state.open = undefined;
    state.ending = transaction;
    const markers = [...transaction.partitions].map((partition) => () =>
      partition.end(transaction, outcome)
    );
    markers.push(() => {
      for (const [partition, committed] of transaction.offsets) {
        this.#pending.get(partition)?.delete(transaction);
        if (outcome === "committed") this.#commit(partition, committed);
      }
    });
    let left = markers.length;
    for (const mark of markers) {
      this.world.time.after(this.world.latencyMs(), () => {
        mark();
        if (--left === 0) state.ending = undefined;
        this.changed();
      });
    }
  }
}

const encoder = new TextEncoder();

function bytesOf(field: Uint8Array | string | null): Uint8Array | null {
  return typeof field === "string" ? encoder.encode(field) : field;
}
