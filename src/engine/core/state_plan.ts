/**
 * What one plan does to the state of keys. Tentative until its transaction has committed: dropped, not undone, when the
 * plan is. A record whose transform fails, or whose outputs cannot be written, changes nothing.
 */
import { issuesOf } from "./decode_event.ts";
import { HaltError, PoisonError } from "./errors.ts";
import { type KeptValue, keyName, keyNamed, type KeyTable } from "./key_table.ts";
import type { KeyedState, KeyState } from "./keyed_state.ts";
import type { Planned } from "./planned.ts";
import { formatPartition, type InputRecord, type OutputRecord } from "./record.ts";

/** Where the state of one partition is kept. */
export interface StatePlace {
  /** The compacted topic; the partition is the input's. */
  readonly topic: string;
  readonly partition: number;
  /** The largest value, bytes. */
  readonly valueBytesMax: number;
}

/** Keys whose time is over are deleted by the transactions that are made anyway, so many in each. */
const overMax = 500;

const noHeaders: OutputRecord["headers"] = [];

/** All plans of a partition before it must be committed or dropped. */
export class StatePlan {
  readonly #changed = new Map<string, KeptValue | undefined>();
  /** What the present attempt at a record has changed; of those that are worked on at the same time, the others by offset. */
  #only: RecordState | undefined;
  readonly #others = new Map<number, RecordState>();
  constructor(
    readonly contract: KeyedState<unknown>,
    readonly table: KeyTable,
    readonly place: StatePlace,
    /** The time now, by the cluster: a producer's clock may be ahead, and what it wrote must not outlive everything else. */
    readonly nowMs: number,
  ) {}

  /** For one attempt at a record; what an earlier attempt has changed is dropped. */
  attempt(record: InputRecord): KeyState<unknown> {
    this.#take(record)?.close();
    const state = new RecordState(this, record);
    if (this.#only) this.#others.set(record.offset, state);
    else this.#only = state;
    return state;
  }

  /** To be told what becomes of each record. Records of one key must come one after the other. */
  settle(record: InputRecord, planned: Planned): Planned {
    const state = this.#take(record);
    if (!state) return planned;
    state.close();
    if (planned.kind === "emit" && state.isChanged) this.#changed.set(state.name, state.value);
    return planned;
  }

  /** The time that counts for a record. */
  timeOf({ timestamp }: InputRecord): number {
    return Math.min(timestamp, this.nowMs);
  }

  /** What counts for this key now. */
  find(name: string, at: number): KeptValue | undefined {
    const kept = this.#changed.has(name) ? this.#changed.get(name) : this.table.get(name);
    return kept && !this.table.isOver(kept, at) ? kept : undefined;
  }

  /** What to write in the transaction of the outputs. */
  entries(): OutputRecord[] {
    for (const name of this.table.over(overMax)) {
      if (!this.#changed.has(name)) this.#changed.set(name, undefined);
    }
    const { topic, partition } = this.place;
    return Array.from(this.#changed, ([name, value]) => ({
      topic,
      partition,
      key: keyNamed(name),
      value: value?.text ?? null,
      headers: noHeaders,
      timestamp: value?.at,
    }));
  }

  #take({ offset }: InputRecord): RecordState | undefined {
    const only = this.#only;
    if (only?.record.offset === offset) {
      this.#only = undefined;
      return only;
    }
    const other = this.#others.get(offset);
    if (other) this.#others.delete(offset);
    return other;
  }

  /** How many keys are kept once this plan has committed. */
  get size(): number {
    let { size } = this.table;
    for (const [name, value] of this.#changed) {
      size += Number(value !== undefined) - Number(this.table.get(name) !== undefined);
    }
    return size;
  }

  /** To be called once that transaction has committed. */
  committed(): void {
    for (const [name, value] of this.#changed) this.table.set(name, value);
    this.#changed.clear();
  }
}

class RecordState implements KeyState<unknown> {
  isChanged = false;
  value: KeptValue | undefined;
  #name: string | undefined;
  #isClosed = false;

  constructor(readonly plan: StatePlan, readonly record: InputRecord) {}

  get name(): string {
    const { key } = this.record;
    if (key === null) throw new PoisonError("the record has no key, and state is kept by key");
    return this.#name ??= keyName(key);
  }

  get(): unknown {
    const { name } = this;
    const kept = this.isChanged ? this.value : this.plan.find(name, this.#at);
    if (!kept) return undefined;
    const parsed = this.plan.contract.read.safeParse(JSON.parse(kept.text));
    if (parsed.success) return parsed.data;
    const place = formatPartition(this.plan.place);
    throw new HaltError(
      `The state of key ${JSON.stringify(name)} in ${place} does not fit the flow's schema: ` +
        issuesOf(parsed.error) +
        `. Give the schema a default for what older versions did not write, or rename the flow to begin anew`,
    );
  }

  set(value: unknown): void {
    const text = JSON.stringify(this.plan.contract.write.parse(value));
    const { valueBytesMax, topic } = this.plan.place;
    if (text.length * 3 > valueBytesMax) {
      const bytes = new TextEncoder().encode(text).length;
      if (bytes > valueBytesMax) {
        throw new PoisonError(
          `the state of its key has ${bytes} bytes, over the limit of ${valueBytesMax} for ${topic}`,
        );
      }
    }
    this.#change({ text, at: this.#at });
  }

  delete(): void {
    this.#change(undefined);
  }

  /** From here on it is another attempt's, or another record's. */
  close(): void {
    this.#isClosed = true;
  }

  get #at(): number {
    return this.plan.timeOf(this.record);
  }

  #change(value: KeptValue | undefined): void {
    if (this.#isClosed) {
      throw new Error("The transform has ended, or is tried again: its state cannot be changed");
    }
    void this.name; // refuses a record without a key
    this.isChanged = true;
    this.value = value;
  }
}
