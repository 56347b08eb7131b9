/** A leader that refuses an offset as outside its log is believed only once the log's range says the same. */
import { HaltError } from "../../src/engine/core/errors.ts";
import type { LogRange } from "../../src/engine/core/ports.ts";
import type { TopicPartition } from "../../src/engine/core/record.ts";
import { Fetcher } from "../../src/engine/kafka/fetcher.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { readLogRange } from "../../src/engine/kafka/log_range.ts";
import { PartitionFeed } from "../../src/engine/kafka/partition_feed.ts";
import type { VendorCluster } from "../../src/engine/kafka/vendor.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { freshTopics, produce, record, testClient, texts } from "../support/kafka.ts";

const bounds = { recordsMax: 10, bytesMax: 1_000_000 };

/** A log of the records 0 and 1, read from offset 3: the leader refuses that one. */
async function readFromThree(
  range: (client: KafkaClient, cluster: VendorCluster, place: TopicPartition) => Promise<LogRange>,
): Promise<string[]> {
  const client = await testClient();
  const [source = ""] = await freshTopics(client, 1, "refused");
  const place = { topic: source, partition: 0 };
  await produce(client, ["a", "b"].map((id) => record(source, 0, id, id)));
  const cluster = client.cluster();
  await cluster.connect();
  const fetcher = new Fetcher(cluster, fetcherDefaults);
  try {
    const feed: PartitionFeed = new PartitionFeed(place, {
      bufferBytesMax: () => 1_000_000,
      range: () => range(client, cluster, place),
      topicId: () => Promise.resolve(undefined),
      divergence: () => Promise.resolve(undefined),
      onHungry: () => fetcher.wake(),
    });
    fetcher.add(feed);
    feed.seek(3);
    return texts((await feed.next(bounds, AbortSignal.timeout(30_000))).records);
  } finally {
    await fetcher[Symbol.asyncDispose]();
    await cluster.disconnect();
  }
}

Deno.test("an offset that is refused, and that the log's range has, is fetched again", async () => {
  let asked = 0;
  const read = await readFromThree(async (client, cluster, place) => {
    asked++;
    await produce(client, ["c", "d"].map((id) => record(place.topic, 0, id, id)));
    return readLogRange(cluster, place);
  });
  assertEquals(read, ["d"]);
  assertEquals(asked, 1);
});

Deno.test("an offset that is refused, and that the log's range has not, halts at once", async () => {
  let asked = 0;
  const halt = await assertRejects(
    () => readFromThree((_, cluster, place) => (asked++, readLogRange(cluster, place))),
    HaltError,
  );
  assertStringIncludes(halt.message, "from offset 3: it lies outside the log");
  assertEquals(asked, 1);
});
