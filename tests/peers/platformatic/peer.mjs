/**
 * `@platformatic/kafka`: a stream of messages, a transaction for as many as the job's bound or what is there now. Its
 * default `retryDelay` of a second is for brokers that fail, yet the producer also waits it out whenever a transaction
 * begins before the last one's markers are written (CONCURRENT_TRANSACTIONS): most of the time in a drain.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { z } from "zod";

// Put together, so that the checkout's type check does not look for a package that only the benchmark installs.
const { Consumer, Producer } = await import(["@platformatic", "kafka"].join("/"));

const order = z.object({
  event_id: z.string(),
  order_id: z.string(),
  user_id: z.string(),
  amount: z.string(),
  currency: z.string(),
  occurred_at: z.string(),
  channel: z.string(),
  schema_version: z.number(),
});

const [line] = await new Promise((resolve) => {
  createInterface({ input: process.stdin }).once("line", (text) => resolve([text]));
});
const job = JSON.parse(line);
const waitMs = 100;

const consumer = new Consumer({
  clientId: "peer-platformatic",
  groupId: job.group,
  bootstrapBrokers: job.brokers,
  autocommit: false,
});
const producer = new Producer({
  clientId: "peer-platformatic",
  bootstrapBrokers: job.brokers,
  transactionalId: job.group,
  idempotent: true,
  acks: -1,
  // "None", for InitProducerId: the library asks as producer 0 otherwise, and a restarted process would be fenced.
  producerId: -1n,
  producerEpoch: -1,
  retryDelay: (_client, _operation, attempt) => Math.min(1_000, 10 * 2 ** (attempt - 1)),
});

const nowMs = () => performance.timeOrigin + performance.now();
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
let firstMs = 0;
let firstCpuMs = 0;
let records = 0;

const stream = await consumer.consume({
  topics: [job.input],
  mode: "committed",
  fallbackMode: "earliest",
  isolationLevel: 1,
  maxWaitTime: waitMs,
  maxBytes: 4 * 1024 * 1024,
  highWaterMark: 2 * job.batch_records,
});

// Transformed as they arrive, while a transaction waits for the broker.
const batch = [];
let working = false;
stream.on("data", (message) => {
  if (firstMs === 0) {
    firstCpuMs = cpuMs();
    firstMs = nowMs();
  }
  batch.push({ message, output: transformed(message.value) });
  if (batch.length >= 2 * job.batch_records) stream.pause();
  if (working) return;
  working = true;
  setImmediate(() => work().catch(fail));
});
stream.on("error", fail);

function transformed(value) {
  const parsed = order.parse(JSON.parse(value.toString()));
  return {
    topic: job.output,
    key: Buffer.from(parsed.order_id),
    value: Buffer.from(JSON.stringify({ ...parsed, invoice_id: `invoice-${parsed.order_id}` })),
  };
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function work() {
  while (batch.length > 0) {
    const part = batch.splice(0, job.batch_records);
    if (stream.isPaused()) stream.resume();
    const transaction = await producer.beginTransaction();
    await transaction.addConsumer(consumer);
    await transaction.send({ messages: part.map(({ output }) => output) });
    const last = new Map(part.map(({ message }) => [message.partition, message]));
    // One after the other: the library takes calls at the same time for one and the same, and drops all but the first.
    for (const message of last.values()) await transaction.addOffset(message);
    await transaction.commit();
    records += part.length;
    const done = job.records > 0 && records >= job.records;
    console.log(JSON.stringify({
      event: "progress",
      records,
      first_ms: firstMs,
      at_ms: nowMs(),
      cpu_ms: cpuMs() - firstCpuMs,
      rss_mib: process.memoryUsage().rss / 1_048_576,
    }));
    if (done) process.exit(0);
  }
  working = false;
}
