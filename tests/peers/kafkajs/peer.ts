/**
 * Plain kafkajs as its "Transactions" page shows it: a transaction a message, or a transaction a fetched batch with sends of
 * so many records. Nothing of onceflow is loaded. The argument is `message` or the records of a send.
 */
import process from "node:process";
import { CompressionTypes, Kafka, logLevel, type Message, type Transaction } from "kafkajs";
import { z } from "zod";

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

interface Job {
  brokers: string[];
  input: string;
  output: string;
  group: string;
  records: number;
}

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
const nowMs = () => performance.timeOrigin + performance.now();

async function readJob(): Promise<Job> {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  return JSON.parse(text);
}

const perMessage = Deno.args[0] === "message";
const sendRecords = perMessage ? 1 : Number(Deno.args[0]);
const job = await readJob();
// Retries of the producer start soon: with the default of 300 ms every transaction waits out the markers of the last one.
const kafka = new Kafka({
  brokers: job.brokers,
  clientId: "peer-kafkajs",
  logLevel: logLevel.NOTHING,
  retry: perMessage ? undefined : { initialRetryTime: 10, retries: 20 },
});
const producer = kafka.producer({
  transactionalId: job.group,
  idempotent: true,
  maxInFlightRequests: 1,
});
const consumer = kafka.consumer({
  groupId: job.group,
  readUncommitted: false,
  maxWaitTimeInMs: 250,
});
await Promise.all([producer.connect(), consumer.connect()]);
await consumer.subscribe({ topics: [job.input], fromBeginning: true });

let firstMs = 0;
let firstCpuMs = 0;
let records = 0;
let toldAtMs = 0;

function began() {
  if (firstMs !== 0) return;
  firstCpuMs = cpuMs();
  firstMs = nowMs();
}

function committed(count: number) {
  records += count;
  const atMs = nowMs();
  const done = records >= job.records && job.records > 0;
  if (!done && atMs - toldAtMs < 20) return;
  toldAtMs = atMs;
  console.log(JSON.stringify({
    event: "progress",
    records,
    first_ms: firstMs,
    at_ms: atMs,
    cpu_ms: cpuMs() - firstCpuMs,
    rss_mib: Deno.memoryUsage().rss / 1_048_576,
  }));
  if (done) Deno.exit(0);
}

function transformed(value: Uint8Array | null): Message {
  const parsed = order.parse(JSON.parse(new TextDecoder().decode(value ?? new Uint8Array())));
  return {
    key: parsed.order_id,
    value: JSON.stringify({ ...parsed, invoice_id: `invoice-${parsed.order_id}` }),
  };
}

function send(transaction: Transaction, messages: Message[]) {
  return transaction.send({
    topic: job.output,
    messages,
    acks: -1,
    compression: CompressionTypes.None,
  });
}

await consumer.run({
  autoCommit: false,
  partitionsConsumedConcurrently: 1,
  async eachBatch({ batch, resolveOffset, heartbeat }) {
    began();
    const groups = perMessage ? batch.messages.map((message) => [message]) : [batch.messages];
    for (const group of groups) {
      const last = group.at(-1);
      if (!last) continue;
      const transaction = await producer.transaction();
      try {
        for (let from = 0; from < group.length; from += sendRecords) {
          const part = group.slice(from, from + sendRecords);
          await send(transaction, part.map(({ value }) => transformed(value)));
        }
        await transaction.sendOffsets({
          consumerGroupId: job.group,
          topics: [{
            topic: batch.topic,
            partitions: [{ partition: batch.partition, offset: String(BigInt(last.offset) + 1n) }],
          }],
        });
        await transaction.commit();
      } catch (error) {
        await transaction.abort();
        throw error;
      }
      resolveOffset(last.offset);
      await heartbeat();
      committed(group.length);
    }
  },
});
