import { HaltError } from "../../src/engine/core/errors.ts";
import type { FetchedPartition } from "../../src/engine/kafka/codec/decode_fetch_response.ts";
import { encodeRecordBatch } from "../../src/engine/kafka/codec/encode_record_batch.ts";
import { splitRecordSet } from "../../src/engine/kafka/codec/record_batch.ts";
import { PartitionFeed } from "../../src/engine/kafka/partition_feed.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

const place = { topic: "t", partition: 0 };
const bounds = { recordsMax: 100, bytesMax: 1_000_000 };
const signal = new AbortController().signal;

function feedAt(
  offset: number,
  bufferBytesMax = 1_000_000,
  onHeld?: (change: number) => void,
): PartitionFeed {
  const feed = new PartitionFeed(place, {
    bufferBytesMax: () => bufferBytesMax,
    range: () => Promise.resolve({ start: 0, end: 100 }),
    topicId: () => Promise.resolve(undefined),
    divergence: () => Promise.resolve(undefined),
    onHungry: () => {},
    onHeld,
  });
  feed.seek(offset);
  return feed;
}

/** An answer with `count` records from `baseOffset` on. */
function answer(
  baseOffset: number,
  count: number,
  aborted?: { producerId: bigint },
): FetchedPartition {
  const bytes = encodeRecordBatch({
    records: Array.from({ length: count }, (_, i) => ({
      key: null,
      value: `v${baseOffset + i}`,
      headers: [],
    })),
    producerId: aborted?.producerId ?? -1n,
    producerEpoch: aborted ? 0 : -1,
    firstSequence: aborted ? 0 : -1,
    transactional: aborted !== undefined,
    timestampMs: 1,
  });
  new DataView(bytes.buffer, bytes.byteOffset).setBigInt64(0, BigInt(baseOffset));
  return {
    ...place,
    errorCode: 0,
    highWatermark: 100,
    lastStableOffset: 100,
    logStartOffset: 0,
    preferredReadReplica: -1,
    abortedTransactions: aborted ? [{ ...aborted, firstOffset: baseOffset }] : [],
    ...splitRecordSet(bytes, place),
  };
}

const offsetsOf = ({ records }: Awaited<ReturnType<PartitionFeed["next"]>>) =>
  records.map(({ offset }) => offset);

Deno.test("row 11: an answer that was asked for from elsewhere is dropped", async () => {
  const feed = feedAt(5);
  feed.accept(3, answer(3, 4)); // asked for before a seek
  feed.accept(5, answer(5, 2));
  feed.accept(5, answer(5, 2)); // the same once more
  assertEquals(offsetsOf(await feed.next(bounds, signal)), [5, 6]);
  assertEquals(feed.wanted, 7);
});

Deno.test("a seek drops what was fetched ahead", async () => {
  const feed = feedAt(0);
  feed.accept(0, answer(0, 3));
  feed.seek(1);
  feed.accept(3, answer(3, 1));
  feed.accept(1, answer(1, 2));
  assertEquals(offsetsOf(await feed.next(bounds, signal)), [1, 2]);
});

Deno.test("row 19: a batch that is filtered out entirely advances the position", async () => {
  const feed = feedAt(0);
  feed.accept(0, answer(0, 3, { producerId: 9n }));
  const batch = await feed.next(bounds, signal);
  assertEquals({ records: batch.records.length, nextOffset: batch.nextOffset }, {
    records: 0,
    nextOffset: 3,
  });
  assertEquals(feed.wanted, 3);
});

Deno.test("a run is bounded, and the next one goes on behind it", async () => {
  const feed = feedAt(0);
  feed.accept(0, answer(0, 3));
  feed.accept(3, answer(3, 3));
  const first = await feed.next({ ...bounds, recordsMax: 4 }, signal);
  assertEquals([offsetsOf(first), first.nextOffset], [[0, 1, 2, 3], 4]);
  const second = await feed.next(bounds, signal);
  assertEquals([offsetsOf(second), second.nextOffset], [[4, 5], 6]);
});

Deno.test("a feed that is full wants nothing until it was emptied", async () => {
  const feed = feedAt(0, 10);
  feed.accept(0, answer(0, 3));
  assertEquals(feed.wanted, undefined);
  await feed.next(bounds, signal);
  assertEquals(feed.wanted, 3);
});

Deno.test("waiting ends when the signal fires", async () => {
  const stop = new AbortController();
  const waiting = feedAt(0).next(bounds, stop.signal);
  stop.abort(new Error("revoked"));
  await assertRejects(() => waiting, Error, "revoked");
});

Deno.test("a broken batch behind good ones is not passed by, whatever comes behind it", async () => {
  const feed = feedAt(0);
  const good = answer(0, 1);
  const broken = answer(1, 1);
  const [batch] = broken.batches;
  assert(batch);
  batch.bytes.fill(0xff, batch.bytes.length - 1);
  feed.accept(0, { ...good, batches: [...good.batches, batch] });
  feed.accept(2, answer(2, 1));
  assertEquals(offsetsOf(await feed.next(bounds, signal)), [0]);
  const halted = await assertRejects(() => feed.next(bounds, signal), HaltError);
  assertEquals(halted.message.includes("offsets 1 to 1"), true);
});

Deno.test("what a feed says that it holds comes and goes with what waits, and with the feed", async () => {
  let held = 0;
  const feed = feedAt(0, 1_000_000, (change) => held += change);
  feed.accept(0, answer(0, 3));
  const first = held;
  feed.accept(3, answer(3, 3));
  assertEquals([first > 0, held], [true, 2 * first]);
  await feed.next({ ...bounds, recordsMax: 3 }, signal);
  assertEquals(held, first);
  feed.seek(3);
  assertEquals(held, 0);
  feed.accept(3, answer(3, 3));
  feed.close();
  feed.accept(6, answer(6, 3));
  assertEquals([held, feed.wanted], [0, undefined]);
});

Deno.test("what was fetched before a broken batch is handed out, and each read after that says what is wrong", async () => {
  const feed = feedAt(0);
  feed.accept(0, answer(0, 3));
  const broken = answer(3, 2);
  const [batch] = broken.batches;
  if (!batch) throw new Error("there is no batch");
  batch.bytes[batch.bytes.length - 1]! ^= 1; // its checksum does not match any more
  feed.accept(3, broken);
  assertEquals(offsetsOf(await feed.next(bounds, signal)), [0, 1, 2]);
  assertEquals(feed.position, 3);
  for (let read = 0; read < 2; read++) {
    await assertRejects(() => feed.next(bounds, signal), HaltError, "offsets 3 to 4");
  }
});
