import { Buffer } from "node:buffer";
import fc from "fast-check";
import request from "kafkajs/src/protocol/requests/produce/index.js";
import crcUntyped from "kafkajs/src/protocol/recordBatch/crc32C/index.js";
import { assertEquals, assertThrows } from "../support/assert.ts";
import type { Header } from "../../src/engine/core/record.ts";
import { CodecError } from "../../src/engine/kafka/codec/codec_error.ts";
import { committedRecords, plainRecord } from "../../src/engine/kafka/codec/committed_records.ts";
import { crc32c } from "../../src/engine/kafka/codec/crc32c.ts";
import { decodeFetchResponse } from "../../src/engine/kafka/codec/decode_fetch_response.ts";
import { encodeProduceRequest } from "../../src/engine/kafka/codec/encode_produce_request.ts";
import { encodeRecordBatch } from "../../src/engine/kafka/codec/encode_record_batch.ts";
import type { WritableRecord } from "../../src/engine/kafka/codec/writable_record.ts";
import { fetchBody, kafkajsBatch, topicOf } from "./codec_fixtures.ts";

/** Lengths around the ends of each varint size; fast-check is slow at making large arrays byte by byte. */
const someBytes = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.tuple(fc.constantFrom(63, 64, 65, 8191, 8192, 70_000), fc.nat(255))
    .map(([length, fill]) => new Uint8Array(length).fill(fill)),
);
const someText = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: "grapheme", maxLength: 80 }),
);
const someField = fc.oneof(fc.constant(null), someBytes, someText);
/** kafkajs takes headers as a map: names must come grouped, must not look like an index, and null it cannot write. */
const someHeaders = fc.uniqueArray(
  fc.tuple(
    fc.string({ unit: "grapheme", maxLength: 20 }).map((name) => `h${name}`),
    fc.array(someBytes, { minLength: 1, maxLength: 3 }),
  ),
  { selector: ([name]) => name, maxLength: 3 },
);
/** From 2001 on and within int64 as text: kafkajs sorts timestamps as text. */
const someTimestamp = fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 });

const asBuffer = (field: Uint8Array | string | null) => field === null ? null : Buffer.from(field);

Deno.test("a Produce request is byte for byte what kafkajs sends for the same records", async () => {
  const somePartition = fc.array(
    fc.record({ key: someField, value: someField, headers: someHeaders, timestamp: someTimestamp }),
    { minLength: 1, maxLength: 5 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(somePartition, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
      fc.constantFrom(3, 4, 5, 6, 7),
      fc.option(fc.string({ unit: "grapheme", minLength: 1 }), { nil: null }),
      fc.bigInt({ min: -1n, max: 2n ** 63n - 1n }),
      fc.integer({ min: 0, max: 32_767 }),
      fc.nat(),
      async (topics, version, transactionalId, producerId, producerEpoch, firstSequence) => {
        const theirs = request.protocol({ version })({
          acks: -1,
          timeout: 30_000,
          transactionalId,
          producerId: producerId.toString(),
          producerEpoch,
          compression: 0,
          topicData: topics.map((partitions, t) => ({
            topic: `topic-${t}`,
            partitions: partitions.map((records, partition) => ({
              partition,
              firstSequence,
              messages: records.map(({ key, value, headers, timestamp }) => ({
                key: asBuffer(key),
                value: asBuffer(value),
                headers: Object.fromEntries(
                  headers.map(([name, values]) => [name, values.map((each) => Buffer.from(each))]),
                ),
                timestamp: String(timestamp),
              })),
            })),
          })),
        });
        const ours = encodeProduceRequest({
          acks: -1,
          timeoutMs: 30_000,
          timestampMs: 0,
          transactionalId,
          producerId,
          producerEpoch,
          topics: topics.map((partitions, t) => ({
            topic: `topic-${t}`,
            partitions: partitions.map((records, partition) => ({
              partition,
              firstSequence,
              records: records.map(({ headers, ...record }) => ({
                ...record,
                headers: headers.flatMap(([name, values]) =>
                  values.map((value): Header => [name, value])
                ),
              })),
            })),
          })),
        }, version);
        const expected: Buffer = (await theirs.request.encode()).buffer;
        assertEquals(Buffer.compare(ours.buffer, expected), 0, "the bytes differ");
      },
    ),
    { numRuns: 150 },
  );
});

/** Our own records read back by our own decoder, for what kafkajs cannot write or writes wrongly. */
function roundTrip(records: readonly WritableRecord[], compression?: "gzip" | "zstd") {
  const set = Buffer.from(encodeRecordBatch({
    records,
    producerId: 9n,
    producerEpoch: 1,
    firstSequence: 2,
    transactional: true,
    timestampMs: 1_700_000_000_000,
    compression,
  }));
  const [partition] = decodeFetchResponse(fetchBody([{ set }]), topicOf).partitions;
  if (!partition) throw new Error("no partition");
  return { partition, records: committedRecords(partition, 0).records.map(plainRecord) };
}

Deno.test("every record reads back as it was written, under each compression", () => {
  const anyHeader = fc.tuple(
    fc.constantFrom("", "a", "b", "ключ"),
    fc.option(fc.uint8Array(), { nil: null }),
  );
  const anyRecord = fc.record({
    key: someField,
    value: someField,
    headers: fc.array(anyHeader, { maxLength: 4 }),
    timestamp: fc.option(fc.integer({ min: -1, max: 2 ** 52 }), { nil: undefined }),
  });
  const bytes = (field: Uint8Array | string | null) =>
    typeof field === "string" ? new TextEncoder().encode(field) : field;
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 8 }),
      fc.constantFrom(undefined, "gzip" as const, "zstd" as const),
      (records, compression) => {
        const back = roundTrip(records, compression);
        assertEquals(
          back.records,
          records.map((record, offset) => ({
            topic: "orders",
            partition: 3,
            offset,
            timestamp: record.timestamp ?? 1_700_000_000_000,
            key: bytes(record.key),
            value: bytes(record.value),
            headers: record.headers,
          })),
        );
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a batch's header carries the producer, its sequence and the span of timestamps", () => {
  const [batch] = roundTrip([
    { key: null, value: "a", headers: [], timestamp: 1_600_000_000_000 },
    { key: null, value: "b", headers: [] },
    { key: null, value: "c", headers: [], timestamp: 1_500_000_000_000 },
  ]).partition.batches;
  assertEquals(
    [batch?.producerId, batch?.producerEpoch, batch?.baseSequence, batch?.isTransactional],
    [9n, 1, 2, true],
  );
  assertEquals([batch?.baseTimestamp, batch?.maxTimestamp], [1_500_000_000_000, 1_700_000_000_000]);
});

Deno.test("a batch without records and versions of another layout are refused", () => {
  assertThrows(() => roundTrip([]), CodecError, "without records");
  const request = {
    acks: -1,
    timeoutMs: 1,
    timestampMs: 1,
    transactionalId: null,
    producerId: -1n,
    producerEpoch: 0,
    topics: [],
  };
  for (const version of [2, 9, 10]) {
    assertThrows(() => encodeProduceRequest(request, version), CodecError, "version");
  }
});

Deno.test("the checksum is CRC-32C at every length and alignment", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (bytes, from) => {
    const start = Math.min(from, bytes.length);
    const expected: number = crcUntyped(Buffer.from(bytes.subarray(start))) >>> 0;
    assertEquals(crc32c(bytes, start), expected);
  }));
});

Deno.test("kafkajs's own batch encoder agrees on gzip's contents", async () => {
  const records = [{ key: Buffer.from("k"), value: Buffer.from("v".repeat(300)) }];
  const theirs = await kafkajsBatch({ compression: 1, records });
  const [partition] = decodeFetchResponse(fetchBody([{ set: theirs }]), topicOf).partitions;
  const ours = roundTrip([{ key: "k", value: "v".repeat(300), headers: [] }], "gzip");
  if (!partition) throw new Error("no partition");
  assertEquals(committedRecords(partition, 0).records.map(plainRecord), ours.records);
});
