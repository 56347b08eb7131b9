import { Buffer } from "node:buffer";
import createRequest from "kafkajs/src/protocol/request.js";
import Encoder from "kafkajs/src/protocol/encoder.js";
import { assertEquals, assertStrictEquals } from "../support/assert.ts";
import { ByteWriter } from "../../src/engine/kafka/codec/byte_writer.ts";
import { encodeProduceRequest } from "../../src/engine/kafka/codec/encode_produce_request.ts";
import { frameInPlace } from "../../src/engine/kafka/codec/frame_in_place.ts";

const inPlace = frameInPlace(createRequest);

function produce(): ByteWriter {
  return encodeProduceRequest({
    acks: -1,
    timeoutMs: 1,
    timestampMs: 1,
    transactionalId: "t",
    producerId: 1n,
    producerEpoch: 0,
    topics: [{
      topic: "orders",
      partitions: [{
        partition: 0,
        firstSequence: 0,
        records: [{ key: "k", value: "v".repeat(5_000), headers: [] }],
      }],
    }],
  }, 7);
}

async function bytesOf(create: typeof inPlace, clientId: string, encode: () => Promise<unknown>) {
  const request = { apiKey: 0, apiVersion: 7, apiName: "Produce", encode };
  const framed = await create({ correlationId: 77, clientId, request });
  const bytes: unknown = Reflect.get(Object(framed), "buffer");
  if (!Buffer.isBuffer(bytes)) throw new Error("not a buffer");
  return bytes;
}

Deno.test("a request framed in place is byte for byte kafkajs's own, in the body's memory", async () => {
  for (const clientId of ["onceflow", "é", "x".repeat(480)]) {
    const body = produce();
    const found = await bytesOf(inPlace, clientId, () => Promise.resolve(body));
    const expected = await bytesOf(createRequest, clientId, () => Promise.resolve(produce()));
    assertEquals(Buffer.compare(found, expected), 0);
    assertStrictEquals(found.buffer, body.memory.buffer);
  }
});

Deno.test("bodies without room, names too long and kafkajs's own encoders go kafkajs's way", async () => {
  const bare = new ByteWriter(10);
  bare.int32(5);
  const cases: [string, () => Promise<unknown>][] = [
    ["onceflow", () => Promise.resolve(bare)],
    ["x".repeat(500), () => Promise.resolve(produce())],
    ["onceflow", () => Promise.resolve(new Encoder().writeInt32(5))],
  ];
  for (const [clientId, encode] of cases) {
    const found = await bytesOf(inPlace, clientId, encode);
    assertEquals(Buffer.compare(found, await bytesOf(createRequest, clientId, encode)), 0);
  }
});
