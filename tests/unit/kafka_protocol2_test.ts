import fc from "fast-check";
import { encodeFlexibleProduce } from "../../src/engine/kafka/codec/encode_flexible_produce.ts";
import { encodeRecordBatch } from "../../src/engine/kafka/codec/encode_record_batch.ts";
import { CodecError } from "../../src/engine/kafka/codec/codec_error.ts";
import { WireReader } from "../../src/engine/kafka/codec/wire_reader.ts";
import { WireWriter } from "../../src/engine/kafka/codec/wire_writer.ts";
import { verdictOf } from "../../src/engine/kafka/error_verdict.ts";
import { withProtocol2 } from "../../src/engine/kafka/patches/transaction_v2.ts";
import { parseProduceAnswer } from "../../src/engine/kafka/produce_answer.ts";
import { parseEndTxn, parseTxnOffsetCommit } from "../../src/engine/kafka/transaction_requests.ts";
import { parseFeatures } from "../../src/engine/kafka/transaction_version.ts";
import type { VendorCluster, VendorProtocol } from "../../src/engine/kafka/vendor.ts";
import type { VendorEosManager } from "../../src/engine/kafka/vendor_producer.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("a Produce request of version 12 holds the batches of version 7 in compact fields", () => {
  // Around the ends of the sizes that a length may take, and text that is longer in UTF-8 than was expected.
  const someValue = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 90 }),
    fc.tuple(fc.constantFrom(1, 40, 100, 8_000, 16_300, 700_000), fc.constantFrom("a", "é", "漢"))
      .map(([length, letter]) => letter.repeat(length)),
  );
  const someRecords = fc.array(someValue, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(
      fc.array(fc.array(someRecords, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
      fc.option(fc.string({ unit: "grapheme", minLength: 1 }), { nil: null }),
      (values, transactionalId) => {
        const who = { producerId: 2n ** 40n, producerEpoch: 7, timestampMs: 1_700_000_000_000 };
        const topics = values.map((partitions, t) => ({
          topic: `tópic-${t}`,
          partitions: partitions.map((texts, partition) => ({
            partition,
            firstSequence: partition * 10,
            records: texts.map((value) => ({ key: "k", value, headers: [] })),
          })),
        }));
        const request = { ...who, transactionalId, acks: -1, timeoutMs: 30_000, topics };
        const reader = new WireReader(encodeFlexibleProduce(request).buffer);
        reader.tags();
        assertEquals(reader.string(), transactionalId);
        assertEquals([reader.int16(), reader.int32()], [-1, 30_000]);
        const read = reader.array(() => {
          const topic = reader.string();
          const partitions = reader.array(() => {
            const partition = reader.int32();
            const batch = reader.raw(reader.uvarint() - 1);
            reader.tags();
            return { partition, batch };
          });
          reader.tags();
          return { topic, partitions };
        });
        reader.tags();
        assertThrows(() => reader.raw(1), CodecError);
        const transactional = transactionalId !== null;
        const expected = topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition, ...rest }) => ({
            partition,
            batch: encodeRecordBatch({ ...who, ...rest, transactional }),
          })),
        }));
        assertEquals(read.map(plain), expected.map(plain));
      },
    ),
    { numRuns: 60 },
  );
});

type Topic = { topic: string | null; partitions: { partition: number; batch: Uint8Array }[] };
const plain = ({ topic, partitions }: Topic) => ({
  topic,
  partitions: partitions.map(({ partition, batch }) => ({ partition, batch: batch.toHex() })),
});

Deno.test("the protocol is found among an answer's tagged fields, and is 0 where none is agreed on", () => {
  const features = (name: string, level: number) =>
    new WireWriter().arrayLength(2)
      .string("metadata.version").int16(29).int16(7).tags()
      .string(name).int16(level).int16(0).tags()
      .finish();
  const answer = (name: string, level: number) => {
    const found = features(name, level);
    return new WireWriter().int16(0)
      .arrayLength(2).int16(0).int16(3).int16(13).tags().int16(26).int16(0).int16(5).tags()
      .int32(0)
      .uvarint(2)
      .uvarint(1).uvarint(8).int64(12n)
      .uvarint(2).uvarint(found.length).raw(found)
      .finish();
  };
  assertEquals(parseFeatures(answer("transaction.version", 2)).transactionVersion, 2);
  assertEquals(parseFeatures(answer("group.version", 1)).transactionVersion, 0);
  // UNSUPPORTED_VERSION comes in the layout of version 0.
  assertEquals(parseFeatures(new WireWriter().int16(35).int32(0).finish()).transactionVersion, 0);
});

Deno.test("an error in an answer rejects, and only a whole refusal counts as concurrent", () => {
  const produced = (...codes: number[]) => {
    const answer = new WireWriter().tags().arrayLength(1).string("t").arrayLength(codes.length);
    codes.forEach((code, partition) => {
      answer.int32(partition).int16(code).int64(0n).int64(-1n).int64(0n)
        .arrayLength(1).int32(0).string("why").tags().string(null).tags();
    });
    return answer.tags().int32(0).tags().finish();
  };
  parseProduceAnswer(produced(0, 0));
  const said = (bytes: Uint8Array) => assertThrows(() => parseProduceAnswer(bytes), Error);
  assertEquals((said(produced(51, 51)) as { type?: string }).type, "CONCURRENT_TRANSACTIONS");
  assertEquals(verdictOf(said(produced(0, 51))), "unknown");
  assertEquals((said(produced(0, 51)) as { type?: string }).type, undefined);
  assertEquals(verdictOf(said(produced(51, 47))), "migrated"); // INVALID_PRODUCER_EPOCH
  assertEquals(verdictOf(said(produced(10))), "rejected"); // MESSAGE_TOO_LARGE

  const offsets = (code: number) =>
    new WireWriter().tags().int32(0).arrayLength(1).string("t")
      .arrayLength(1).int32(0).int16(code).tags().tags().tags().finish();
  parseTxnOffsetCommit(offsets(0));
  assertThrows(() => parseTxnOffsetCommit(offsets(51)), Error);

  const ended = (code: number) =>
    new WireWriter().tags().int32(0).int16(code).int64(9n).int16(3).tags().finish();
  assertEquals(parseEndTxn(ended(0)), { producerId: 9n, producerEpoch: 3 });
  assertEquals(verdictOf(assertThrows(() => parseEndTxn(ended(90)), Error)), "migrated");
});

/** A manager and a broker that count what they are asked for; the cluster has that level. */
function managed(level: number) {
  const asked: string[] = [];
  const count = (name: string) => () => {
    asked.push(name);
    return Promise.resolve();
  };
  const original: VendorEosManager = {
    initProducerId: count("InitProducerId"),
    getProducerId: () => "5",
    getProducerEpoch: () => 1,
    getTransactionalId: () => "id",
    getSequence: () => 100,
    updateSequence: () => {},
    isTransactional: () => true,
    addPartitionsToTransaction: count("AddPartitionsToTxn"),
    sendOffsets: count("AddOffsetsToTxn"),
    commit: count("commit"),
    abort: count("abort"),
  };
  const answers: Record<string, unknown> = {
    ApiVersions: level,
    EndTxn: { transactionalId: "id", producerId: 6n, producerEpoch: 0 },
  };
  const send = ({ request }: VendorProtocol<unknown>) => {
    asked.push(request.apiName);
    return Promise.resolve(answers[request.apiName]);
  };
  const cluster = {
    findGroupCoordinator: () => Promise.resolve({ connectionPool: { send } }),
  } as unknown as VendorCluster;
  return { asked, manager: withProtocol2(original, cluster, "id") };
}

const offsets = {
  consumerGroupId: "g",
  topics: [{ topic: "t", partitions: [{ partition: 0, offset: "1" }] }],
};
const partitions = [{ topic: "t", partitions: [{ partition: 0 }] }];

Deno.test("row 7: under protocol 2 nothing is added beforehand, and each commit brings an epoch of its own", async () => {
  const { asked, manager } = managed(2);
  await manager.initProducerId();
  assert(manager.usesProtocol2?.());
  assertEquals([manager.getProducerId(), manager.getProducerEpoch()], ["5", 1]);
  await manager.addPartitionsToTransaction(partitions);
  manager.updateSequence("t", 0, 3);
  assertEquals(manager.getSequence("t", 0), 3);
  await manager.sendOffsets(offsets);
  await manager.commit();
  assertEquals([manager.getProducerId(), manager.getProducerEpoch()], ["6", 0]);
  assertEquals(manager.getSequence("t", 0), 0);
  await manager.commit(); // of nothing
  assertEquals(asked, [
    ...["InitProducerId", "ApiVersions", "TxnOffsetCommit", "EndTxn", "commit"],
    "commit",
  ]);
});

Deno.test("under protocol 1 kafkajs's own steps are taken", async () => {
  const { asked, manager } = managed(1);
  await manager.initProducerId();
  assert(!manager.usesProtocol2?.());
  await manager.addPartitionsToTransaction(partitions);
  await manager.sendOffsets(offsets);
  assertEquals(manager.getSequence("t", 0), 100);
  await manager.commit();
  assertEquals(asked, [
    ...["InitProducerId", "ApiVersions", "AddPartitionsToTxn", "AddOffsetsToTxn", "commit"],
  ]);
});
