/** A log in memory, for tests of what Postgres does with records whatever the broker: readers wait as real ones do. */
import type { InputBatch, PartitionReader } from "../../src/engine/core/ports.ts";
import type { InputRecord, TopicPartition } from "../../src/engine/core/record.ts";

export class MemoryLog {
  readonly #partitions = new Map<string, InputRecord[]>();
  readonly #starts = new Map<string, number>();
  #appended = Promise.withResolvers<void>();

  constructor(readonly partitionCount: number, readonly topics: readonly string[]) {
    for (const topic of topics) {
      for (let partition = 0; partition < partitionCount; partition++) {
        this.#partitions.set(`${topic}-${partition}`, []);
      }
    }
  }

  append(record: Omit<InputRecord, "offset">): InputRecord {
    const log = this.#of(record);
    const appended = { ...record, offset: log.length };
    log.push(appended);
    this.#appended.resolve();
    this.#appended = Promise.withResolvers();
    return appended;
  }

  /** As retention does. */
  deleteBefore({ topic, partition }: TopicPartition, offset: number): void {
    this.#starts.set(`${topic}-${partition}`, offset);
  }

  /** As somebody does who deletes a topic and makes it again. */
  truncate({ topic, partition }: TopicPartition): void {
    this.#partitions.set(`${topic}-${partition}`, []);
  }

  range = ({ topic, partition }: TopicPartition) =>
    Promise.resolve({
      start: this.#starts.get(`${topic}-${partition}`) ?? 0,
      end: this.#of({ topic, partition }).length,
    });

  partitions = (_topic: string) =>
    Promise.resolve(Array.from({ length: this.partitionCount }, (_, partition) => partition));

  openReader = (
    { topic, partition }: TopicPartition,
    fromOffset = 0,
  ): Promise<PartitionReader & AsyncDisposable> => {
    let position = fromOffset;
    const next: PartitionReader["next"] = async (bounds, signal): Promise<InputBatch> => {
      const stopped = Promise.withResolvers<never>();
      stopped.promise.catch(() => {});
      const stop = () => stopped.reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      try {
        signal.throwIfAborted();
        while (this.#of({ topic, partition }).length <= position) {
          await Promise.race([this.#appended.promise, stopped.promise]);
        }
        const records = this.#of({ topic, partition })
          .slice(position, position + bounds.recordsMax);
        position += records.length;
        return { records, nextOffset: position };
      } finally {
        signal.removeEventListener("abort", stop);
      }
    };
    return Promise.resolve({
      topic,
      partition,
      get position() {
        return position;
      },
      seek: (offset) => void (position = offset),
      next,
      range: () => this.range({ topic, partition }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  };

  #of({ topic, partition }: TopicPartition): InputRecord[] {
    const log = this.#partitions.get(`${topic}-${partition}`);
    if (log === undefined) throw new Error(`The memory log has no ${topic}-${partition}`);
    return log;
  }
}
