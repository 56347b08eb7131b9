/** Reads a small compacted partition once and then what was added: one reading for all lanes of a process. */
import { unlessAborted } from "../core/delay.ts";
import { readRange } from "../core/read_range.ts";
import type { InputRecord, TopicPartition } from "../core/record.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { openPartitionReader } from "./open_partition_reader.ts";

/** The latest value of each key, under read_committed. */
export class CheckpointReader<Checkpoint> {
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #stop = new AbortController();
  #position = 0;
  #last: Promise<void> = Promise.resolve();
  /** A reading that has not begun yet. */
  #next: Promise<void> | undefined;

  /**
   * @param isolationLevel 1: up to the last stable offset, without waiting; 0: up to the high watermark, waiting for
   * transactions that are open below it
   */
  constructor(
    readonly client: KafkaClient,
    readonly place: TopicPartition,
    readonly isolationLevel: 0 | 1,
    readonly parse: (record: InputRecord) => [key: string, checkpoint: Checkpoint],
  ) {}

  /** The latest checkpoint of all that were written before this was asked. */
  async find(key: string, signal: AbortSignal): Promise<Checkpoint | undefined> {
    await unlessAborted(this.#refreshed(), signal);
    return this.#checkpoints.get(key);
  }

  /** The partition was recreated: the next reading begins at its start. What was noted before stays true. */
  again(): void {
    this.#position = 0;
  }

  /** Ends a reading that is under way. */
  stop(): void {
    this.#stop.abort(new DOMException("No checkpoints are read any more", "AbortError"));
  }

  /** A reading that has begun already may have missed what was written just now; all who ask meanwhile share the next. */
  #refreshed(): Promise<void> {
    return this.#next ??= this.#last = this.#last.catch(() => {}).then(() => {
      this.#next = undefined;
      return this.#read();
    });
  }

  async #read(): Promise<void> {
    const { client, place, isolationLevel } = this;
    const { signal } = this.#stop;
    const cluster = client.cluster();
    const openReader = (partition: TopicPartition, from: number) =>
      openPartitionReader(client, partition, from);
    try {
      const { start, end } = await readLogRange(cluster, place, { isolationLevel, signal });
      // Beyond the end: the topic was recreated. What was noted before stays true.
      const from = this.#position > end ? start : Math.max(start, this.#position);
      for await (const records of readRange({ openReader }, { ...place, from, to: end }, signal)) {
        for (const record of records) this.#checkpoints.set(...this.parse(record));
      }
      this.#position = end;
    } finally {
      await cluster.disconnect();
    }
  }
}
