import { Buffer } from "node:buffer";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import snappy from "snappyjs";
import fc from "fast-check";
import {
  assertEquals,
  assertGreater,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";
import type { Header, InputRecord } from "../../src/engine/core/record.ts";
import { encodeRecordBatch } from "../../src/engine/kafka/codec/encode_record_batch.ts";
import { CodecError } from "../../src/engine/kafka/codec/codec_error.ts";
import {
  CommittedCursor,
  committedRecords,
  plainRecord,
} from "../../src/engine/kafka/codec/committed_records.ts";
import {
  decodeFetchResponse,
  fetchResponse,
} from "../../src/engine/kafka/codec/decode_fetch_response.ts";
import {
  checksummed,
  fetchBody,
  kafkajsBatch,
  kafkajsCommitted,
  type KafkajsDecoded,
  kafkajsPartition,
  type PartitionSpec,
  topicOf,
  transactionalBatch,
} from "./codec_fixtures.ts";

function firstPartition(body: Uint8Array) {
  const partition = decodeFetchResponse(body, topicOf).partitions[0];
  if (!partition) throw new Error("no partition");
  if (partition.failure) throw partition.failure;
  return partition;
}

function recordsOf(body: Uint8Array): InputRecord[] {
  return committedRecords(firstPartition(body), 0).records.map(plainRecord);
}

/** kafkajs's record in our shape: its header map loses the order between names, so records have at most one name. */
function fromKafkajs(message: KafkajsDecoded): InputRecord {
  const plain = (bytes: Uint8Array | null) => bytes && new Uint8Array(bytes);
  return {
    topic: "orders",
    partition: 3,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: plain(message.key),
    value: plain(message.value),
    headers: Object.entries(message.headers).flatMap(([name, value]) =>
      [value].flat().map((bytes) => [name, plain(bytes)] as const)
    ),
  };
}

/** Lengths around the ends of each varint size; fast-check is slow at making large arrays byte by byte. */
const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.tuple(fc.constantFrom(63, 64, 65, 8191, 8192), fc.nat(255))
    .map(([length, fill]) => new Uint8Array(length).fill(fill)),
).map((bytes) => Buffer.from(bytes));
const maybeBytes = fc.option(someBytes, { nil: null });
/** Without U+FFFD: our reader keeps the bytes of such a name beside it, since it stands for what is not UTF-8. */
const someName = fc.string({ unit: "grapheme", minLength: 1 }).filter((name) =>
  !name.includes("\uFFFD")
);
const someRecord = fc.record({
  key: maybeBytes,
  value: maybeBytes,
  headers: fc.oneof(
    fc.constant({}),
    fc.tuple(someName, fc.array(someBytes, { minLength: 1 }))
      .map(([name, values]) => ({ [`h${name}`]: values })),
  ),
  timestampDelta: fc.oneof(
    fc.integer({ min: -100, max: 20_000 }),
    fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
  ),
});
const someBatch = fc.record({
  records: fc.array(someRecord, { minLength: 1, maxLength: 6 }),
  compression: fc.constantFrom(0, 0, 1),
  logAppendTime: fc.boolean(),
  transactional: fc.boolean(),
});

Deno.test("decoding gives the records that kafkajs's decoder gives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(someBatch, { maxLength: 4 }),
      fc.nat(2 ** 40),
      async (specs, start) => {
        let baseOffset = start;
        const batches: Buffer[] = [];
        for (const spec of specs) {
          batches.push(
            await kafkajsBatch({ ...spec, baseOffset, maxTimestamp: 1_700_000_123_456 }),
          );
          baseOffset += spec.records.length + 3;
        }
        const partitions = [{ set: Buffer.concat(batches) }];
        const body = fetchBody(partitions);
        const expected = await kafkajsPartition(partitions);
        const found = firstPartition(body);
        assertEquals(recordsOf(body), expected.messages.map(fromKafkajs));
        assertEquals(
          [found.highWatermark, found.lastStableOffset, found.errorCode],
          [Number(expected.highWatermark), Number(expected.lastStableOffset), expected.errorCode],
        );
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("decoding reads each field of the envelope", () => {
  const set = Buffer.alloc(0);
  const aborted = [{ producerId: 2n ** 62n, firstOffset: 7 }];
  const response = decodeFetchResponse(fetchBody([{ set, aborted, errorCode: 6 }]), topicOf);
  assertEquals(response.sessionId, 4711);
  assertEquals(response.partitions, [{
    topic: "orders",
    partition: 3,
    errorCode: 6,
    highWatermark: 1000,
    lastStableOffset: 900,
    logStartOffset: 5,
    preferredReadReplica: -1,
    abortedTransactions: aborted,
    batches: [],
    truncatedBytes: 0,
  }]);
});

Deno.test("decoding keeps several topics and partitions apart, and null lists count as empty", async () => {
  const specs: PartitionSpec[] = [
    { topic: "a", partition: 0, set: await transactionalBatch(0, 1n, ["x"]) },
    { topic: "b", partition: 7, set: null, aborted: null },
  ];
  const { partitions } = decodeFetchResponse(fetchBody(specs), topicOf);
  assertEquals(
    partitions.map(({ topic, partition, batches }) => [topic, partition, batches.length]),
    [["a", 0, 1], ["b", 7, 0]],
  );
});

Deno.test("a topic that was not asked for is refused", () => {
  const body = fetchBody([{ set: null }]);
  assertThrows(() => decodeFetchResponse(body, () => undefined), CodecError, "not asked for");
});

Deno.test("a record set that is broken leaves the other partitions as they are", async () => {
  const good = await transactionalBatch(0, 1n, ["x"]);
  const bad = Buffer.from(await transactionalBatch(1, 1n, ["y"]));
  bad[16] = 9; // the magic
  const { partitions } = decodeFetchResponse(
    fetchBody([
      { partition: 0, set: Buffer.concat([good, bad]) },
      { partition: 1, set: good },
    ]),
    topicOf,
  );
  assertEquals(partitions.map(({ batches }) => batches.length), [1, 1]);
  assertStringIncludes(partitions[0]?.failure?.message ?? "", "magic 9");
  assertEquals(partitions[1]?.failure, undefined);
});

Deno.test("a record's headers keep their order, repeated names and null values", async () => {
  const set = await kafkajsBatch({
    records: [{ key: null, value: null, headers: { a: ["1", "2"], b: "3" } }],
  });
  const [record] = recordsOf(fetchBody([{ set }]));
  assertEquals(
    record?.headers.map(([name, value]) => [name, value && new TextDecoder().decode(value)]),
    [["a", "1"], ["a", "2"], ["b", "3"]],
  );
});

Deno.test("a record's text is decoded as UTF-8, and null stays null", async () => {
  const set = await kafkajsBatch({
    records: [
      { key: Buffer.from("ключ"), value: Buffer.from('{"a":"€"}') },
      { key: null, value: null },
      { key: Buffer.alloc(0), value: Buffer.alloc(0) },
    ],
  });
  const { records } = committedRecords(firstPartition(fetchBody([{ set }])), 0);
  assertEquals(records.map((record) => [record.keyText(), record.valueText(), record.valueBytes]), [
    ["ключ", '{"a":"€"}', 11],
    [null, null, 0],
    ["", "", 0],
  ]);
  assertStrictEquals(records[0]?.headers, records[1]?.headers);
});

Deno.test("an incomplete last batch is left out wherever the broker cut it", async () => {
  const whole = await transactionalBatch(10, 1n, ["a", "b"]);
  const next = await transactionalBatch(12, 1n, ["c".repeat(100)]);
  for (let cut = 0; cut < next.length; cut++) {
    const partition = firstPartition(
      fetchBody([{ set: Buffer.concat([whole, next.subarray(0, cut)]) }]),
    );
    const { records, nextOffset } = committedRecords(partition, 10);
    assertEquals([records.length, nextOffset, partition.truncatedBytes], [2, 12, cut]);
  }
});

Deno.test("an incomplete first batch gives nothing and says so", async () => {
  const batch = await transactionalBatch(10, 1n, ["a"]);
  const partition = firstPartition(fetchBody([{ set: batch.subarray(0, 50) }]));
  assertEquals(partition.truncatedBytes, 50);
  assertEquals(committedRecords(partition, 10), { records: [], nextOffset: 10, bytes: 0 });
});

Deno.test("a changed byte anywhere under the checksum is refused", async () => {
  const batch = await transactionalBatch(10, 1n, ["abc", "def"]);
  for (let at = 17; at < batch.length; at++) {
    const broken = Buffer.from(batch);
    broken[at] = (broken[at] ?? 0) ^ 0x40;
    const read = () => committedRecords(firstPartition(fetchBody([{ set: broken }])), 0);
    assertEquals(assertThrows(read, CodecError).fault, "corrupt");
  }
});

Deno.test("a record that leaves its frame is refused although the checksum matches", async () => {
  const batch = await transactionalBatch(10, 1n, ["abc", "def"]);
  let refused = 0;
  for (let at = 57; at < batch.length; at++) {
    for (const value of [0x00, 0x01, 0x02, 0x7e, 0x7f, 0x80, 0xff]) {
      const broken = checksummed(Buffer.from(batch.map((byte, i) => i === at ? value : byte)));
      try {
        const { records } = committedRecords(firstPartition(fetchBody([{ set: broken }])), 0);
        assertEquals(records.map(plainRecord).map(({ offset }) => offset), [10, 11]);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        refused++;
      }
    }
  }
  assertGreater(refused, 50);
});

Deno.test("batches of message formats 0 and 1 are refused by name", () => {
  for (const magic of [0, 1]) {
    const set = Buffer.alloc(40);
    set.writeInt32BE(28, 8);
    set[16] = magic;
    const error = assertThrows(() => firstPartition(fetchBody([{ set }])), CodecError, "orders-3");
    assertEquals(error.fault, "unsupported");
  }
});

Deno.test("an offset beyond 2^53 is refused, never rounded", async () => {
  const batch = await transactionalBatch(0, 1n, ["a", "b"]);
  for (const offset of [2n ** 53n, 2n ** 53n - 2n, 2n ** 62n]) {
    batch.writeBigInt64BE(offset);
    assertThrows(() => firstPartition(fetchBody([{ set: batch }])), CodecError, "2^53");
  }
  batch.writeBigInt64BE(2n ** 53n - 3n);
  const partition = firstPartition(fetchBody([{ set: batch }]));
  const { records, nextOffset } = committedRecords(partition, 0);
  assertEquals(records.map(({ offset }) => offset), [2 ** 53 - 3, 2 ** 53 - 2]);
  assertEquals(nextOffset, Number.MAX_SAFE_INTEGER);
});

/** What kafka-clients 4.3.1 makes of the same three records (`MemoryRecords.withTransactionalRecords`), in base64. */
const java: Record<string, string> = {
  none: "AAAAAAAAA+gAAAGKAAAACQJ656QfABAAAAACAAABi8/laAAAAAGLz+VoBQAAAAAAAABNAAMAAAAqAAAAAzgA" +
    "AAAGa2V5EnZhbHVlIOKCrAYCYQIBAmIBAmEA5gQACgIB2AR4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" +
    "eHh4eHh4eHh4eHh4eHh4eHh4eHgADAABBAABAA==",
  gzip: "AAAAAAAAA+gAAAB3AAAACQIl5EyuABEAAAACAAABi8/laAAAAAGLz+VoBQAAAAAAAABNAAMAAAAqAAAAAx+L" +
    "CAAAAAAAAP+zYGBgYMtOrRQqS8wpTVV41LSGjSmRiZEpiZEpkeEZCwMXE+MNlopRQDRg4GFgZGFgZAAAaeMt" +
    "jVkBAAA=",
  snappy: "AAAAAAAAA+gAAACHAAAACQICZvoAABIAAAACAAABi8/laAAAAAGLz+VoBQAAAAAAAABNAAMAAAAqAAAAA4JT" +
    "TkFQUFkAAAAAAQAAAAEAAABC2QKYOAAAAAZrZXkSdmFsdWUg4oKsBgJhAgECYgECYQDmBAAKAgHYBHh4/gIA" +
    "/gIA/gIA/gIApgIAHAAMAAEEAAEA",
  lz4: "AAAAAAAAA+gAAAB1AAAACQJMJnZhABMAAAACAAABi8/laAAAAAGLz+VoBQAAAAAAAABNAAMAAAAqAAAAAwQi" +
    "TRhgQII1AAAA/xc4AAAABmtleRJ2YWx1ZSDigqwGAmECAQJiAQJhAOYEAAoCAdgEeAEA/xmAAAwAAQQAAQAA" +
    "AAAA",
  zstd: "AAAAAAAAA+gAAABzAAAACQJl23n4ABQAAAACAAABi8/laAAAAAGLz+VoBQAAAAAAAABNAAMAAAAqAAAAAyi1" +
    "L/0AWLQBAOQCOAAAAAZrZXkSdmFsdWUg4oKsBgJhAgECYgECYQDmBAAKAgHYBHgADAABBAABAAEARlHBEwEA" +
    "AA==",
};

Deno.test("what the Java client writes is read, under every compression", () => {
  const text = new TextEncoder();
  for (const [name, base64] of Object.entries(java)) {
    const set = Buffer.from(base64, "base64");
    const [batch] = firstPartition(fetchBody([{ set }])).batches;
    assertEquals(
      [batch?.baseOffset, batch?.producerId, batch?.producerEpoch, batch?.baseSequence],
      [1000, 77n, 3, 42],
      name,
    );
    const expected: Omit<InputRecord, "topic" | "partition" | "offset">[] = [{
      timestamp: 1_700_000_000_000,
      key: text.encode("key"),
      value: text.encode("value €"),
      headers: [["a", new Uint8Array([1])], ["b", null], ["a", new Uint8Array(0)]],
    }, {
      timestamp: 1_700_000_000_005,
      key: null,
      value: text.encode("x".repeat(300)),
      headers: [],
    }, {
      timestamp: 1_699_999_999_999,
      key: new Uint8Array(0),
      value: null,
      headers: [],
    }];
    const place = { topic: "orders", partition: 3 };
    assertEquals(
      recordsOf(fetchBody([{ set }])),
      expected.map((record, i) => ({ ...place, offset: 1000 + i, ...record })),
      name,
    );
  }
});

Deno.test("lz4 with checksums behind its blocks, the size of its content and a checksum of it is read", () => {
  const none = Buffer.from(java.none ?? "", "base64");
  const records = none.subarray(61);
  const expected = recordsOf(fetchBody([{ set: none }]));
  for (const flags of [0x60, 0x40, 0x70, 0x78, 0x7c, 0x64, 0x68]) {
    const [size, blocks, content] = [flags & 0x08, flags & 0x10, flags & 0x04];
    const parts = [Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40])];
    if (size) {
      parts.push(Buffer.from([records.length & 255, records.length >> 8, 0, 0, 0, 0, 0, 0]));
    }
    parts.push(Buffer.alloc(1)); // the header's checksum
    for (const part of [records.subarray(0, 100), records.subarray(100)]) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(part.length + 0x8000_0000); // stored as it is
      parts.push(length, part);
      if (blocks) parts.push(Buffer.from([1, 2, 3, 4]));
    }
    parts.push(Buffer.alloc(4));
    if (content) parts.push(Buffer.from([1, 2, 3, 4]));
    const batch = Buffer.concat([none.subarray(0, 61), ...parts]);
    batch.writeInt16BE((batch.readInt16BE(21) & ~7) | 3, 21);
    batch.writeInt32BE(batch.length - 12, 8);
    assertEquals(recordsOf(fetchBody([{ set: checksummed(batch) }])), expected, `flags ${flags}`);
  }
});

Deno.test("zstd in several frames, with those to pass over and every legal option, is read; so are members of gzip", () => {
  const none = Buffer.from(java.none ?? "", "base64");
  const expected = recordsOf(fetchBody([{ set: none }]));
  const [one, two] = [none.subarray(61, 161), none.subarray(161)];
  const whole = none.subarray(61);
  const zstd = (bytes: Uint8Array, ...params: [number, number][]) =>
    zstdCompressSync(bytes, { params: Object.fromEntries(params) });
  const passed = (length: number, nibble: number) => {
    const frame = Buffer.alloc(8 + length, 7);
    frame.writeUInt32LE(0x184d2a50 + nibble);
    frame.writeUInt32LE(length, 4);
    return frame;
  };
  const checksum = [constants.ZSTD_c_checksumFlag, 1] as [number, number];
  const noSize = [constants.ZSTD_c_contentSizeFlag, 0] as [number, number];
  const level = (level: number) => [constants.ZSTD_c_compressionLevel, level] as [number, number];
  const sets: [number, Buffer[]][] = [
    [4, [zstd(one), zstd(two)]],
    [4, [zstd(one, checksum), zstd(two, noSize), passed(0, 15)]],
    [4, [
      passed(5, 0),
      zstd(Buffer.alloc(0)),
      zstd(one, noSize, checksum),
      passed(1, 3),
      zstd(two),
    ]],
    ...[-7, 1, 22].map((n): [number, Buffer[]] => [4, [zstd(whole, level(n), checksum)]]),
    [1, [gzipSync(one), gzipSync(two)]],
    ...[1, 9].map((n): [number, Buffer[]] => [1, [gzipSync(whole, { level: n })]]),
  ];
  const batchOf = (codec: number, parts: readonly Buffer[]) => {
    const batch = Buffer.concat([none.subarray(0, 61), ...parts]);
    batch.writeInt16BE((batch.readInt16BE(21) & ~7) | codec, 21);
    batch.writeInt32BE(batch.length - 12, 8);
    return fetchBody([{ set: checksummed(batch) }]);
  };
  for (const [codec, parts] of sets) {
    assertEquals(recordsOf(batchOf(codec, parts)), expected, String(parts.map((p) => p.length)));
  }
  // The bound holds for all frames together, and a frame that is cut says so.
  const half = zstd(Buffer.alloc(600_000));
  const large = firstPartition(batchOf(4, [half, half]));
  const [bomb] =
    new CommittedCursor(large, 0, 1_000_000).take({ recordsMax: 1, bytesMax: 1 }).records;
  assertStringIncludes(bomb?.unread?.reason ?? "", "BATCH_UNPACKED_BYTES_MAX");
  const [cut] = recordsOf(batchOf(4, [zstd(whole).subarray(0, -9)]));
  assertStringIncludes(cut?.unread?.reason ?? "", "zstd");
});

Deno.test("streams of snappy-java one behind the other are one", () => {
  const none = Buffer.from(java.none ?? "", "base64");
  const expected = recordsOf(fetchBody([{ set: none }]));
  const stream = (bytes: Uint8Array) => {
    const block = Buffer.from(snappy.compress(new Uint8Array(bytes)));
    const head = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(block.length);
    return Buffer.concat([head, length, block]);
  };
  const parts = [stream(none.subarray(61, 161)), stream(none.subarray(161))];
  const batch = Buffer.concat([none.subarray(0, 61), ...parts]);
  batch.writeInt16BE((batch.readInt16BE(21) & ~7) | 2, 21);
  batch.writeInt32BE(batch.length - 12, 8);
  assertEquals(recordsOf(fetchBody([{ set: checksummed(batch) }])), expected);
});

Deno.test("an unknown compression is refused by name, and a broken one is a record that says so", () => {
  const patched = (codec: number, bytes: Uint8Array) => {
    const header = Buffer.from(java.none ?? "", "base64").subarray(0, 61);
    const batch = Buffer.concat([header, bytes]);
    batch.writeInt16BE(codec, 21);
    batch.writeInt32BE(batch.length - 12, 8);
    return fetchBody([{ set: checksummed(batch) }]);
  };
  const names = [[1, "gzip"], [2, "snappy"], [3, "lz4"], [4, "zstd"], [5, "codec 5"]] as const;
  for (const [codec, name] of names) {
    const read = (bytes: Uint8Array) => () => recordsOf(patched(codec, bytes));
    const broken = read(new Uint8Array(90).fill(7));
    const reason = codec === 5
      ? assertThrows(broken, CodecError, "orders-3").message
      : broken()[0]?.unread?.reason ?? "";
    assertStringIncludes(reason, name);
    assertStringIncludes(reason, "orders-3");
    assertThrows(read(new Uint8Array(0)), CodecError, "orders-3");
  }
});

Deno.test("the response object for kafkajs's connection rejects instead of throwing", async () => {
  const { decode, parse } = fetchResponse(topicOf);
  const decoded = await decode(fetchBody([{ set: null }]));
  assertStrictEquals(await parse(decoded), decoded);
  assertEquals(decoded.clientSideThrottleTime, 0);
  await assertRejects(
    () => decode(new Uint8Array(3)),
    CodecError,
    "Cannot decode a Fetch response",
  );
});

Deno.test("what kafkajs leaves of a plain response is what we leave", async () => {
  const set = Buffer.concat([
    await transactionalBatch(0, 1n, ["a"]),
    await transactionalBatch(1, 2n, ["b", "c"]),
  ]);
  const expected = kafkajsCommitted(await kafkajsPartition([{ set }])).map(fromKafkajs);
  assertEquals(recordsOf(fetchBody([{ set }])), expected);
});

Deno.test("names of headers come back byte for byte, with a byte order mark and where they are not UTF-8", () => {
  const names = ["efbbbf61", "61ff62", "c3a9", "", "efbfbd", "edA080"].map((hex) =>
    Uint8Array.fromHex(hex)
  );
  const batch = (headers: readonly Header[]) =>
    encodeRecordBatch({
      records: [{ key: null, value: "v", headers, timestamp: 0 }],
      ...{
        producerId: -1n,
        producerEpoch: -1,
        firstSequence: -1,
        transactional: false,
        timestampMs: 0,
      },
    });
  const first = batch(names.map((bytes) => ["name", Uint8Array.of(1), bytes]));
  const read = recordsOf(fetchBody([{ set: Buffer.from(first) }]))[0]?.headers ?? [];
  assertEquals(read.map(([name]) => name).slice(0, 3), ["\ufeffa", "a\ufffdb", "é"]);
  assertEquals(Buffer.from(batch(read)).toString("hex"), Buffer.from(first).toString("hex"));
});

Deno.test("a batch that unpacks to more than may be held, or not at all, is one record that names its place", () => {
  const zeros = "0".repeat(3_000_000);
  const rest = { producerId: -1n, producerEpoch: -1, firstSequence: -1, transactional: false };
  const batch = (texts: string[], compression: "gzip" | "none") =>
    encodeRecordBatch({
      records: texts.map((value) => ({ key: null, value, headers: [], timestamp: 5 })),
      ...{ ...rest, timestampMs: 0, compression },
    });
  const at = (offset: number, bytes: Uint8Array) => {
    new DataView(bytes.buffer, bytes.byteOffset).setBigInt64(0, BigInt(offset));
    return Buffer.from(bytes);
  };
  const broken = Buffer.from(batch(["good"], "gzip"));
  broken.fill(7, 65);
  const set = Buffer.concat([
    at(0, batch(["before"], "none")),
    at(1, batch([zeros, "beside"], "gzip")),
    at(3, checksummed(broken)),
    at(4, batch(["after"], "gzip")),
  ]);
  const cursor = new CommittedCursor(firstPartition(fetchBody([{ set }])), 0, 1_000_000);
  const { records, nextOffset } = cursor.take({ recordsMax: 10, bytesMax: Infinity });
  assertEquals(records.map(({ offset }) => offset), [0, 1, 3, 4]);
  assertEquals(records.map((record) => record.valueText()), ["before", null, null, "after"]);
  assertEquals(nextOffset, 5);
  assertEquals([records[1]?.unread?.lastOffset, records[1]?.unread?.records], [2, 2]);
  assertStringIncludes(records[1]?.unread?.reason ?? "", "BATCH_UNPACKED_BYTES_MAX");
  assertStringIncludes(records[2]?.unread?.reason ?? "", "gzip");
});
