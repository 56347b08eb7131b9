/**
 * The codec against kafkajs's own, on records of about 250 bytes of JSON in batches as a worker fetches and sends them.
 *
 * Run: deno bench -A tests/bench/codec_bench.ts (divide a time by 4,000 for the cost of a record).
 */
import { Buffer } from "node:buffer";
import request from "kafkajs/src/protocol/requests/produce/index.js";
import response from "kafkajs/src/protocol/requests/fetch/v11/response.js";
import group from "kafkajs/src/producer/groupMessagesPerPartition.js";
import createSocketFactory from "kafkajs/src/network/socketFactory.js";
import theirCrc from "kafkajs/src/protocol/recordBatch/crc32C/index.js";
import { committedRecords } from "../../src/engine/kafka/codec/committed_records.ts";
import { crc32c } from "../../src/engine/kafka/codec/crc32c.ts";
import { decodeFetchResponse } from "../../src/engine/kafka/codec/decode_fetch_response.ts";
import { encodeProduceRequest } from "../../src/engine/kafka/codec/encode_produce_request.ts";
import { encodeRecordBatch } from "../../src/engine/kafka/codec/encode_record_batch.ts";
import {
  nativeSocketFactory,
  type SocketFactory,
} from "../../src/engine/kafka/patches/receive_buffer.ts";
import { fetchBody, topicOf } from "../unit/codec_fixtures.ts";

const RECORDS = 4_000;
const BATCH_RECORDS = 1_000;
const PARTITIONS = 4;
const text = (i: number) =>
  JSON.stringify({
    event_id: `0192f0c4-7b7a-7c3e-9a51-${String(i).padStart(12, "0")}`,
    order_id: `ord-${String(i).padStart(12, "0")}`,
    user_id: `user-${i % 977}`,
    amount: `${i % 1000}.${String(i % 100).padStart(2, "0")}`,
    currency: "USD",
    occurred_at: "2026-01-02T03:04:05.678Z",
    schema_version: 1,
    note: "x".repeat(40),
  });
const timestamp = 1_700_000_000_000;
const records = Array.from({ length: RECORDS }, (_, i) => ({
  key: Buffer.from(`ord-${i}`),
  value: Buffer.from(text(i)),
  headers: [],
  timestamp,
}));
const asText = records.map((record) => ({
  ...record,
  key: record.key.toString(),
  value: record.value.toString(),
}));
const who = { producerId: 4711n, producerEpoch: 1, transactional: true, timestampMs: timestamp };
const batches = Array.from({ length: RECORDS / BATCH_RECORDS }, (_, i) => {
  const part = records.slice(i * BATCH_RECORDS, (i + 1) * BATCH_RECORDS);
  const batch = Buffer.from(encodeRecordBatch({ ...who, records: part, firstSequence: 0 }));
  batch.writeBigInt64BE(BigInt(i * BATCH_RECORDS));
  return batch;
});
const body = fetchBody([{ set: Buffer.concat(batches) }]);

function decodeOurs() {
  const [partition] = decodeFetchResponse(body, topicOf).partitions;
  if (!partition) throw new Error("no partition");
  return committedRecords(partition, 0).records;
}

Deno.bench("decode 4,000 records, keys and values as bytes: kafkajs", {
  group: "decode",
  baseline: true,
}, async () => {
  const decoded = await response.decode(body);
  if (decoded.responses[0].partitions[0].messages.length !== RECORDS) throw new Error("lost");
});
Deno.bench("decode 4,000 records, checksum verified: ours", { group: "decode" }, () => {
  if (decodeOurs().length !== RECORDS) throw new Error("lost");
});
Deno.bench("decode 4,000 records, keys and values as bytes: ours", { group: "decode" }, () => {
  let bytes = 0;
  for (const record of decodeOurs()) {
    bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
  }
  if (bytes < RECORDS) throw new Error("lost");
});

Deno.bench("decode and JSON.parse 4,000 values: kafkajs", {
  group: "decode and parse",
  baseline: true,
}, async () => {
  const decoded = await response.decode(body);
  for (const { value } of decoded.responses[0].partitions[0].messages) JSON.parse(value.toString());
});
Deno.bench("decode and JSON.parse 4,000 values: ours", { group: "decode and parse" }, () => {
  for (const record of decodeOurs()) JSON.parse(record.valueText() ?? "null");
});

const messages = records.map((record, i) => ({
  ...record,
  headers: {},
  timestamp: String(timestamp),
  partition: i % PARTITIONS,
}));
Deno.bench("group and encode 4,000 records into 4 partitions: kafkajs", {
  group: "encode",
  baseline: true,
}, async () => {
  const grouped = group({
    topic: "invoices",
    messages,
    partitionMetadata: [1],
    partitioner: ({ message }: { message: { partition: number } }) => message.partition,
  });
  const { request: encodable } = request.protocol({ version: 7 })({
    acks: -1,
    timeout: 30_000,
    transactionalId: "bench",
    producerId: "4711",
    producerEpoch: 1,
    compression: 0,
    topicData: [{
      topic: "invoices",
      partitions: Array.from({ length: PARTITIONS }, (_, partition) => ({
        partition,
        firstSequence: 0,
        messages: grouped[partition],
      })),
    }],
  });
  if ((await encodable.encode()).size() < RECORDS) throw new Error("lost");
});
for (
  const [name, given] of [["bytes", records], ["text as bytes", asText]] as const
) {
  Deno.bench(`group and encode 4,000 records into 4 partitions, ${name}: ours`, {
    group: "encode",
  }, () => {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
      partition,
      firstSequence: 0,
      records: new Array<typeof given[number]>(),
    }));
    given.forEach((record, i) => partitions[i % PARTITIONS]?.records.push(record));
    const { position } = encodeProduceRequest({
      acks: -1,
      timeoutMs: 30_000,
      timestampMs: timestamp,
      transactionalId: "bench",
      producerId: 4711n,
      producerEpoch: 1,
      topics: [{ topic: "invoices", partitions }],
    }, 7);
    if (position < RECORDS) throw new Error("lost");
  });
}

const megabyte = Buffer.alloc(1024 * 1024, text(7));
Deno.bench("checksum of 1 MiB: kafkajs", { group: "checksum", baseline: true }, () => {
  theirCrc(megabyte);
});
Deno.bench("checksum of 1 MiB: ours", { group: "checksum" }, () => {
  crc32c(megabyte);
});

const answerBytes = 4 * 1024 * 1024;
const port = Promise.withResolvers<number>();
// The server runs in a worker, so that little more than the receiving side is timed.
const server = `
  const answer = new Uint8Array(${4 + answerBytes});
  new DataView(answer.buffer).setInt32(0, ${answerBytes});
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  postMessage(listener.addr.port);
  for await (const connection of listener) {
    (async () => {
      const request = new Uint8Array(1024);
      while (await connection.read(request) !== null) {
        for (let at = 0; at < answer.length;) at += await connection.write(answer.subarray(at));
      }
    })().catch(() => {});
  }`;
new Worker(URL.createObjectURL(new Blob([server])), { type: "module" })
  .onmessage = ({ data }) => port.resolve(data);

/** Asks for an answer and waits until it is there in one piece. */
async function asker(factory: SocketFactory): Promise<() => Promise<void>> {
  const connected = Promise.withResolvers<void>();
  const socket = factory({
    host: "127.0.0.1",
    port: await port.promise,
    onConnect: connected.resolve,
  });
  let answered = Promise.withResolvers<void>();
  let chunks: Buffer[] = [];
  let have = 0;
  socket.on("data", (bytes) => {
    if (!Buffer.isBuffer(bytes)) throw new TypeError("not bytes");
    chunks.push(bytes);
    have += bytes.length;
    if (have < 4 + answerBytes) return;
    // As kafkajs's Connection joins them.
    if (chunks.length > 1) Buffer.concat(chunks);
    chunks = [];
    have = 0;
    answered.resolve();
  });
  await connected.promise;
  return async () => {
    answered = Promise.withResolvers();
    socket.write(Buffer.alloc(10));
    await answered.promise;
  };
}

const theirSockets: SocketFactory = createSocketFactory();
const askTheirs = asker(theirSockets);
const askOurs = asker(nativeSocketFactory(theirSockets));
Deno.bench("receive 4 MiB over loopback: kafkajs (node:net)", {
  group: "receive",
  baseline: true,
}, async () => {
  await (await askTheirs)();
});
Deno.bench("receive 4 MiB over loopback: ours (Deno)", { group: "receive" }, async () => {
  await (await askOurs)();
});
