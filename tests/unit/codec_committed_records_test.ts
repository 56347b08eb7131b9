import { Buffer } from "node:buffer";
import fc from "fast-check";
import { assertEquals, assertNotEquals, assertThrows } from "../support/assert.ts";
import { CodecError } from "../../src/engine/kafka/codec/codec_error.ts";
import {
  CommittedCursor,
  committedRecords,
  nextFetchOffset,
} from "../../src/engine/kafka/codec/committed_records.ts";
import { decodeFetchResponse } from "../../src/engine/kafka/codec/decode_fetch_response.ts";
import {
  fetchBody,
  kafkajsBatch,
  kafkajsCommitted,
  kafkajsPartition,
  marker,
  topicOf,
  transactionalBatch,
} from "./codec_fixtures.ts";

type Aborted = readonly { producerId: bigint; firstOffset: number }[];

function committed(set: Buffer | null, aborted: Aborted, fromOffset = 0) {
  const [partition] = decodeFetchResponse(fetchBody([{ set, aborted }]), topicOf).partitions;
  if (!partition) throw new Error("no partition");
  const { records, nextOffset } = committedRecords(partition, fromOffset);
  return { values: records.map((record) => record.valueText()), nextOffset };
}

async function kafkajsValues(set: Buffer, aborted: Aborted): Promise<(string | undefined)[]> {
  const partition = await kafkajsPartition([{ set, aborted }]);
  return kafkajsCommitted(partition).map(({ value }) => value?.toString());
}

const zeroKey = Buffer.from([0, 0, 0, 0]);

Deno.test("aborted transactions that overlap stay hidden when the broker lists them by marker", async () => {
  const set = Buffer.concat([
    await transactionalBatch(0, 1n, ["aborted 1"]),
    await transactionalBatch(1, 2n, ["aborted 2"]),
    await transactionalBatch(2, 3n, ["committed"]),
    await marker(3, 2n, "abort"),
    await transactionalBatch(4, 1n, ["aborted 1 again"]),
    await marker(5, 1n, "abort"),
    await marker(6, 3n, "commit"),
  ]);
  // Brokers list aborted transactions in the order of their markers.
  const aborted = [{ producerId: 2n, firstOffset: 1 }, { producerId: 1n, firstOffset: 0 }];
  assertEquals(committed(set, aborted), { values: ["committed"], nextOffset: 7 });
  assertNotEquals(await kafkajsValues(set, aborted), ["committed"], "kafkajs is right here now");
});

Deno.test("a data record whose key is four zero bytes does not end an aborted transaction", async () => {
  const set = Buffer.concat([
    await transactionalBatch(0, 1n, ["aborted"]),
    await transactionalBatch(1, 1n, ["aborted, zero key"], zeroKey),
    await transactionalBatch(2, 1n, ["aborted after it"]),
    await marker(3, 1n, "abort"),
    await transactionalBatch(4, 1n, ["committed, zero key"], zeroKey),
    await marker(5, 1n, "commit"),
  ]);
  const aborted = [{ producerId: 1n, firstOffset: 0 }];
  assertEquals(committed(set, aborted).values, ["committed, zero key"]);
  assertNotEquals(await kafkajsValues(set, aborted), ["committed, zero key"]);
});

Deno.test("several transactions that begin before one batch are all opened", async () => {
  const set = Buffer.concat([
    await transactionalBatch(10, 2n, ["aborted 2"]),
    await transactionalBatch(11, 3n, ["committed"]),
    await transactionalBatch(12, 1n, ["aborted 1"]),
    await marker(13, 1n, "abort"),
    await marker(14, 2n, "abort"),
  ]);
  const aborted = [
    { producerId: 1n, firstOffset: 2 },
    { producerId: 2n, firstOffset: 1 },
    { producerId: 4n, firstOffset: 0 },
  ];
  assertEquals(committed(set, aborted, 10).values, ["committed"]);
  assertNotEquals(await kafkajsValues(set, aborted), ["committed"]);
});

Deno.test("a commit marker does not end an aborted transaction, an abort marker of another producer neither", async () => {
  const set = Buffer.concat([
    await transactionalBatch(0, 1n, ["aborted"]),
    await marker(1, 1n, "commit"),
    await marker(2, 2n, "abort"),
    await transactionalBatch(3, 1n, ["still aborted"]),
    await marker(4, 1n, "abort"),
    await transactionalBatch(5, 1n, ["committed"]),
  ]);
  assertEquals(committed(set, [{ producerId: 1n, firstOffset: 0 }]).values, ["committed"]);
});

Deno.test("records that are not transactional are shown whoever wrote them", async () => {
  const records = [{ key: null, value: Buffer.from("plain") }];
  const set = await kafkajsBatch({ producerId: 1n, records });
  assertEquals(committed(set, [{ producerId: 1n, firstOffset: 0 }]).values, ["plain"]);
});

Deno.test("the next offset moves past what is filtered, from the batch's header", async () => {
  const hidden = await transactionalBatch(20, 1n, ["aborted"]);
  const aborted = [{ producerId: 1n, firstOffset: 20 }];
  assertEquals(committed(hidden, aborted, 20), { values: [], nextOffset: 21 });
  assertEquals(committed(await marker(30, 1n, "commit"), [], 30), { values: [], nextOffset: 31 });
  const compacted = await kafkajsBatch({
    baseOffset: 40,
    lastOffsetDelta: 9,
    records: [{ key: null, value: Buffer.from("x"), offsetDelta: 4 }],
  });
  assertEquals(committed(compacted, [], 42), { values: ["x"], nextOffset: 50 });
  const emptied = await kafkajsBatch({ baseOffset: 50, lastOffsetDelta: 4, records: [] });
  assertEquals(committed(emptied, [], 50), { values: [], nextOffset: 55 });
});

Deno.test("records below the asked offset are dropped, and the next offset never goes back", async () => {
  const set = await transactionalBatch(10, 1n, ["a", "b", "c"]);
  assertEquals(committed(set, [], 11), { values: ["b", "c"], nextOffset: 13 });
  assertEquals(committed(set, [], 99), { values: [], nextOffset: 99 });
  assertEquals(committed(null, [], 7), { values: [], nextOffset: 7 });
});

function cursorOver(set: Buffer, aborted: Aborted, fromOffset: number) {
  const [partition] = decodeFetchResponse(fetchBody([{ set, aborted }]), topicOf).partitions;
  if (!partition) throw new Error("no partition");
  assertEquals(
    nextFetchOffset(partition, fromOffset),
    committed(set, aborted, fromOffset).nextOffset,
  );
  return new CommittedCursor(partition, fromOffset);
}

Deno.test("a cursor hands out as many records as wanted, and passes over what is hidden behind them", async () => {
  const set = Buffer.concat([
    await transactionalBatch(10, 1n, ["a", "b", "c"]),
    await marker(13, 1n, "commit"),
    await transactionalBatch(14, 2n, ["hidden"]),
    await transactionalBatch(15, 1n, ["d"]),
    await marker(16, 2n, "abort"),
  ]);
  const cursor = cursorOver(set, [{ producerId: 2n, firstOffset: 14 }], 11);
  const taken = [];
  while (!cursor.done) {
    const { records, nextOffset } = cursor.take({ recordsMax: 1, bytesMax: Infinity });
    taken.push([records.map((record) => record.valueText()).join(), nextOffset, cursor.position]);
  }
  assertEquals(taken, [["b", 12, 12], ["c", 15, 15], ["d", 17, 17]]);
  assertEquals(cursor.take({ recordsMax: 1, bytesMax: 1 }), {
    records: [],
    nextOffset: 17,
    bytes: 0,
  });
});

Deno.test("a cursor stops at a limit of bytes, but never before one record", async () => {
  const set = Buffer.concat([
    await transactionalBatch(0, 1n, ["x".repeat(50), "y".repeat(50), "z".repeat(500)]),
    await transactionalBatch(3, 1n, ["w".repeat(50), "v"]),
  ]);
  const sizes = (bytesMax: number) => {
    const cursor = cursorOver(set, [], 0);
    const counts = [];
    while (!cursor.done) {
      counts.push(cursor.take({ recordsMax: 100, bytesMax }).records.length);
    }
    return counts;
  };
  assertEquals(sizes(1), [1, 1, 1, 1, 1]);
  assertEquals(sizes(130), [2, 1, 2]);
  assertEquals(sizes(10_000), [5]);
});

Deno.test("a cursor hands out what stands before a broken batch, and then refuses", async () => {
  const broken = await transactionalBatch(1, 1n, ["b"]);
  broken[broken.length - 2] = 0xff;
  const set = Buffer.concat([await transactionalBatch(0, 1n, ["a"]), broken]);
  const [partition] = decodeFetchResponse(fetchBody([{ set }]), topicOf).partitions;
  if (!partition) throw new Error("no partition");
  const cursor = new CommittedCursor(partition, 0);
  const all = { recordsMax: 9, bytesMax: 999 };
  const { records, nextOffset } = cursor.take(all);
  assertEquals([records.map((record) => record.valueText()), nextOffset], [["a"], 1]);
  for (let again = 0; again < 2; again++) {
    assertThrows(() => cursor.take(all), CodecError, "checksum");
  }
});

/** A log of interleaved transactions, with the truth about each record beside it. */
const someSchedule = fc.array(
  fc.record({
    producer: fc.integer({ min: 1, max: 4 }),
    step: fc.constantFrom("data", "data", "data", "zero key", "commit", "abort"),
    records: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 40 },
);

Deno.test("any schedule of transactions shows the committed records and no others", async () => {
  await fc.assert(
    fc.asyncProperty(someSchedule, fc.nat(30), async (schedule, cut) => {
      const parts: { end: number; bytes: Buffer }[] = [];
      const open = new Map<number, { firstOffset: number; values: [number, string][] }>();
      const visible: [number, string][] = [];
      const aborted: { producerId: bigint; firstOffset: number; marker: number }[] = [];
      let offset = 0;
      const append = (bytes: Buffer, records: number) => {
        offset += records;
        parts.push({ end: offset, bytes });
      };
      const finish = async (producer: number, type: "commit" | "abort") => {
        const transaction = open.get(producer);
        if (!transaction) return;
        open.delete(producer);
        if (type === "commit") visible.push(...transaction.values);
        else {
          const { firstOffset } = transaction;
          aborted.push({ producerId: BigInt(producer), firstOffset, marker: offset });
        }
        append(await marker(offset, BigInt(producer), type), 1);
      };
      for (const { producer, step, records } of schedule) {
        if (step === "commit" || step === "abort") {
          await finish(producer, step);
          continue;
        }
        const values = Array.from({ length: records }, (_, i) => `${producer}@${offset + i}`);
        const transaction = open.get(producer) ?? { firstOffset: offset, values: [] };
        open.set(producer, transaction);
        transaction.values.push(
          ...values.map((value, i) => [offset + i, value] as [number, string]),
        );
        const key = step === "zero key" ? zeroKey : null;
        append(await transactionalBatch(offset, BigInt(producer), values, key), records);
      }
      for (const producer of [...open.keys()]) await finish(producer, "abort");
      // Fetch from somewhere in the middle: the broker sends the batch that holds the offset, and the aborted
      // transactions that end at or after it.
      const from = Math.min(cut, offset);
      const set = Buffer.concat(parts.filter(({ end }) => end > from).map(({ bytes }) => bytes));
      const listed = aborted.filter((transaction) => transaction.marker >= from);
      const expected = visible.filter(([at]) => at >= from).sort(([a], [b]) => a - b);
      assertEquals(committed(set, listed, from), {
        values: expected.map(([, value]) => value),
        nextOffset: offset,
      });
      const cursor = cursorOver(set, listed, from);
      const inPieces: (string | null)[] = [];
      while (!cursor.done) {
        const { records } = cursor.take({ recordsMax: 1 + cut % 4, bytesMax: Infinity });
        inPieces.push(...records.map((record) => record.valueText()));
      }
      assertEquals(inPieces, expected.map(([, value]) => value));
      assertEquals(cursor.position, offset);
    }),
    { numRuns: 100 },
  );
});
