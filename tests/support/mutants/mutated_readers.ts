/** Readers of a partition that make one deliberate mistake each. */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import type { InputBatch, PartitionReader } from "../../../src/engine/core/ports.ts";
import type { InputRecord } from "../../../src/engine/core/record.ts";
import type { FetchedPartition } from "../../../src/engine/kafka/codec/decode_fetch_response.ts";
import { Fetcher } from "../../../src/engine/kafka/fetcher.ts";
import { fetcherDefaults } from "../../../src/engine/kafka/fetcher_options.ts";
import type { KafkaClient } from "../../../src/engine/kafka/kafka_client.ts";
import { readLogRange } from "../../../src/engine/kafka/log_range.ts";
import { type FeedOptions, PartitionFeed } from "../../../src/engine/kafka/partition_feed.ts";

/** Takes whatever answer comes for the place that it wants next. */
class UnguardedFeed extends PartitionFeed {
  override accept(fetchedFrom: number, answer: FetchedPartition): void {
    super.accept(this.wanted ?? fetchedFrom, answer);
  }
}

/** What is told of a feed. */
export interface FeedWatch {
  readonly onSeek: () => void;
  /** The fetcher asks for records from this offset. */
  readonly onFetch: (offset: number) => void;
}

/** How long a fetch at the end of the log waits there; below the client's own patience with a request. */
const longPollMs = 20_000;

/**
 * A reader over a feed with the position guard or without it. Until the lane has gone back, its fetches wait at the end of
 * the log for as long as it takes: the answer that comes too late is under way when the lane seeks.
 */
export async function openFeedReader(
  client: KafkaClient,
  topic: string,
  guarded: boolean,
  watch: FeedWatch,
): Promise<PartitionReader & AsyncDisposable> {
  const cluster = client.cluster();
  await cluster.connect();
  let seeks = 0;
  const fetcher = new Fetcher(cluster, {
    ...fetcherDefaults,
    get waitMsMax() {
      return seeks < 2 ? longPollMs : fetcherDefaults.waitMsMax;
    },
  });
  const options: FeedOptions = {
    bufferBytesMax: () => 1_000_000,
    range: () => readLogRange(cluster, { topic, partition: 0 }),
    topicId: () => Promise.resolve(undefined),
    divergence: () => Promise.resolve(undefined),
    onHungry: () => fetcher.wake(),
  };
  const Feed = guarded ? PartitionFeed : UnguardedFeed;
  const feed = new Feed({ topic, partition: 0 }, options);
  Object.defineProperty(feed, "wanted", {
    get() {
      const offset = Reflect.get(PartitionFeed.prototype, "wanted", feed);
      if (offset !== undefined) watch.onFetch(offset);
      return offset;
    },
  });
  fetcher.add(feed);
  const seek = feed.seek.bind(feed);
  return Object.assign(feed, {
    seek(offset: number) {
      seeks++;
      seek(offset);
      watch.onSeek();
    },
    async [Symbol.asyncDispose]() {
      await fetcher[Symbol.asyncDispose]();
      await cluster.disconnect();
    },
  });
}

/** kafkajs as it is on disk, without any of our patches, in modules of its own. */
export function stockKafkajs(): typeof import("kafkajs") {
  const require = createRequire(import.meta.url);
  require.resolve("kafkajs");
  const patched = new Map<string, unknown>();
  const ofKafkajs = () =>
    Object.keys(require.cache).filter((file) => file.includes("/node_modules/kafkajs/"));
  for (const file of ofKafkajs()) {
    patched.set(file, require.cache[file]);
    delete require.cache[file];
  }
  try {
    return require("kafkajs");
  } finally {
    for (const file of ofKafkajs()) delete require.cache[file];
    for (const [file, module] of patched) Object.assign(require.cache, { [file]: module });
  }
}

/** Reads through kafkajs's own consumer, and so through its filter of aborted records. */
export async function openStockReader(
  brokers: readonly string[],
  topic: string,
  range: PartitionReader["range"],
): Promise<PartitionReader & AsyncDisposable> {
  const { Kafka, logLevel } = stockKafkajs();
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `stock-${crypto.randomUUID()}` });
  const batches: InputBatch[] = [];
  let wake = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch: { messages, partition } }) => {
      const records = messages.map((message): InputRecord => ({
        ...{ topic, partition, offset: Number(message.offset) },
        timestamp: Number(message.timestamp),
        key: message.key,
        value: message.value,
        headers: Object.entries(message.headers ?? {}).map(([name, value]) =>
          [name, Buffer.from(String(value))] as const
        ),
      }));
      const last = records.at(-1);
      if (last) batches.push({ records, nextOffset: last.offset + 1 });
      wake.resolve();
      return Promise.resolve();
    },
  });
  let position = 0;
  return {
    ...{ topic, partition: 0, range },
    get position() {
      return position;
    },
    seek: (offset) => void (position = offset),
    async next(_bounds, signal) {
      while (batches.length === 0) {
        signal.throwIfAborted();
        wake = Promise.withResolvers();
        const stop = () => wake.resolve();
        signal.addEventListener("abort", stop, { once: true });
        await wake.promise;
        signal.removeEventListener("abort", stop);
      }
      const batch = batches.shift();
      if (!batch) throw new Error("there is no batch");
      position = batch.nextOffset;
      return batch;
    },
    [Symbol.asyncDispose]: () => consumer.disconnect(),
  };
}
