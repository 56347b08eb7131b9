/** Records that would stop a reader: each is a dead letter that says what it was, and what follows is processed. */
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import kafkajs from "kafkajs";
import { z } from "zod";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { headerText, type InputRecord } from "../../src/engine/core/record.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { openDeadLetterStore } from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { listDeadLetters } from "../../src/engine/dead_letters/list_dead_letters.ts";
import { assertEquals } from "../support/assert.ts";
import { freshTopics, readPartition, testClient, uniqueName } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";
import { services } from "../support/services.ts";

const gzip = 1;
const zstd = 4;
// The compression is made before: kafkajs is to send what it is given.
const { CompressionCodecs } = kafkajs as unknown as {
  CompressionCodecs: Record<number, () => { compress(encoder: { buffer: Buffer }): Buffer }>;
};
CompressionCodecs[gzip] = () => ({ compress: ({ buffer }) => gzipSync(buffer, { level: 1 }) });
CompressionCodecs[zstd] = () => ({ compress: ({ buffer }) => zstdCompressSync(buffer) });

interface Hostile {
  readonly name: string;
  readonly compression: number;
  readonly errorClass: string;
  readonly message: {
    key?: Buffer | string | null;
    value: Buffer | string;
    headers?: Record<string, string>;
    timestamp?: string;
  };
}

const nested = "[".repeat(100_000) + "]".repeat(100_000);
const hostile: readonly Hostile[] = [
  {
    name: "3 MB that are no JSON, in gzip",
    compression: gzip,
    errorClass: "PoisonError",
    message: { value: Buffer.alloc(3_000_000, "no json ") },
  },
  {
    name: "headers near the limit",
    compression: 0,
    errorClass: "PoisonError",
    message: { value: "x", headers: Object.fromEntries(many(800, "h".repeat(1_100))) },
  },
  {
    name: "30,000 headers",
    compression: gzip,
    errorClass: "PoisonError",
    message: { value: "x", headers: Object.fromEntries(many(30_000, "")) },
  },
  {
    name: "a key of 1 MB",
    compression: gzip,
    errorClass: "PoisonError",
    message: { key: Buffer.alloc(1_000_000, "k"), value: "x" },
  },
  {
    name: "100,000 levels",
    compression: 0,
    errorClass: "PoisonError",
    message: { key: null, value: nested, timestamp: "0" },
  },
  {
    name: "100 MB of zeros, in gzip",
    compression: gzip,
    errorClass: "UnreadableBatchError",
    message: { key: "bomb", value: Buffer.alloc(100_000_000) },
  },
  {
    name: "200 MB of zeros, in zstd",
    compression: zstd,
    errorClass: "UnreadableBatchError",
    message: { value: Buffer.alloc(200_000_000) },
  },
];

function many(count: number, value: string): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`name-${i}`, value]);
}

Deno.test("every hostile record is a dead letter that fits, and those behind it are processed", async () => {
  const client = await testClient();
  const [from = "", to = ""] = await freshTopics(client, 1, "hostile", "out");
  const input = topic(from, { read: z.object({ id: z.string() }), key: ({ id }) => id });
  const output = topic(to, { read: z.object({ id: z.string() }), key: ({ id }) => id });
  const flow = defineFlow({
    name: uniqueName("hostile"),
    from: input,
    to: [output],
    deadLetters: `${from}.DLQ`,
    transform: (event) => output.event(event),
  });
  const kafka = new kafkajs.Kafka({
    brokers: (await services()).kafkaBrokers,
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  for (const { message, compression } of hostile) {
    await producer.send({ topic: from, compression, messages: [{ ...message, partition: 0 }] });
    await producer.send({ topic: from, messages: [{ value: '{"id":"good"}', partition: 0 }] });
  }
  await producer.disconnect();

  const totals = await runUntil(
    client,
    flow,
    ({ outputs, deadLetters }) => outputs + deadLetters >= 2 * hostile.length,
    { topicPartitions: 1, topicReplicationFactor: 1 },
  );
  assertEquals([totals.outputs, totals.deadLetters], [hostile.length, hostile.length]);
  const letters = await readPartition(client, `${from}.DLQ`);
  const text = (letter: InputRecord, name: string) => headerText(letter.headers, name);
  assertEquals(
    letters.map((letter, i) => [hostile[i]?.name, text(letter, "x-error-class")]),
    hostile.map(({ name, errorClass }) => [name, errorClass]),
  );
  assertEquals(letters.map((letter) => text(letter, "x-original-offset")), [
    ...["0", "2", "4", "6", "8", "10", "12"],
  ]);
  assertEquals(letters.map((letter) => text(letter, "x-truncated")), [
    ...["value", "headers", "headers", "key", undefined, undefined, undefined],
  ]);
  assertEquals(text(letters[0] as InputRecord, "x-original-value-bytes"), "3000000");
  assertEquals(letters[4]?.value?.length, nested.length);
  assertEquals(text(letters[6] as InputRecord, "x-by-reference"), "true");

  await using store = openDeadLetterStore(client, {
    topic: `${from}.DLQ`,
    transactionTimeoutMs: 10_000,
  });
  assertEquals((await listDeadLetters(store, { limit: 10 })).length, hostile.length);
});
