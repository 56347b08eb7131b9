/** What is kept for the keys of one partition number, which lanes of several inputs share: one at a time works with it. */
import { unlessAborted } from "../core/delay.ts";
import { keyName, type KeyTable } from "../core/key_table.ts";
import { readRange } from "../core/read_range.ts";
import type { TopicPartition } from "../core/record.ts";
import type { RecordLog } from "../dead_letters/record_log.ts";

const decoder = new TextDecoder();

/** See the file's first line. */
export class SharedState {
  /** Lanes that are open. */
  lanes = 0;
  /** A commit has failed since it was loaded. */
  isDoubtful = false;
  /** The identity of the topic that it was loaded from (KIP-516). */
  topicId: string | undefined;
  #loadedTo = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly place: TopicPartition, readonly table: KeyTable) {}

  /** In the order in which it is asked for. Rejects with the signal's reason when that fires before. */
  async hold(signal: AbortSignal): Promise<Disposable> {
    const before = this.#last;
    const released = Promise.withResolvers<void>();
    this.#last = before.then(() => released.promise);
    try {
      await unlessAborted(before, signal);
    } catch (error) {
      released.resolve();
      throw error;
    }
    return { [Symbol.dispose]: () => released.resolve() };
  }

  /** Reads what was committed since the last time; to be called while it is held. */
  async load(log: RecordLog, signal: AbortSignal, onRecords: () => void): Promise<void> {
    const { table, place } = this;
    const topicId = await log.topicId?.(place.topic);
    const { start } = await log.range(place);
    // Past it lies nothing of ours: whoever wrote below it was shut out, and its transactions have ended or will.
    const to = await log.highWatermark(place);
    if (topicId !== this.topicId || to < this.#loadedTo) {
      table.clear();
      this.#loadedTo = 0;
    }
    this.topicId = topicId;
    const from = Math.max(start, this.#loadedTo);
    for await (const records of readRange(log, { ...place, from, to }, signal)) {
      for (const { key, value, timestamp } of records) {
        if (key === null) continue;
        const text = value === null ? undefined : decoder.decode(value);
        table.set(keyName(key), text === undefined ? undefined : { text, at: timestamp });
      }
      onRecords();
    }
    this.#loadedTo = to;
    this.isDoubtful = false;
  }
}
