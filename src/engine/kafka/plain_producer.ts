/** An idempotent producer without transactions, for the guarantees weaker than exactly-once. */
import { getLogger } from "../packages/logtape.ts";
import { TransactionError } from "../core/ports.ts";
import type { PlainProducer } from "../core/delivery.ts";
import { transactionError } from "./error_verdict.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { batchBytesFor, type TransactorOptions } from "./transactor.ts";
import { emitterClass } from "./vendor.ts";
import { createProducer, inOneBatch } from "./vendor_producer.ts";

const log = getLogger(["onceflow", "kafka", "producer"]);

/** Connects one. Like a transactor it is spent after its first failure. */
export async function openPlainProducer(
  client: KafkaClient,
  options: Pick<TransactorOptions, "batchBytesMax" | "topics" | "requestTimeoutMs"> = {},
): Promise<PlainProducer> {
  const Emitter = emitterClass();
  const producer = createProducer()({
    cluster: client.cluster({
      batchBytesMax: batchBytesFor(options),
      requestTimeoutMs: options.requestTimeoutMs,
    }),
    logger: client.logger,
    createPartitioner: () => () => 0,
    idempotent: true,
    retry: { retries: 5 },
    instrumentationEmitter: new Emitter({}),
  });
  let usable = true;
  try {
    await producer.connect();
  } catch (error) {
    await producer.disconnect().catch(() => {});
    throw error;
  }
  return {
    async send(records) {
      if (!usable) throw new TransactionError("unknown", "the producer was used after a failure");
      try {
        await producer.sendBatch(inOneBatch(records));
      } catch (error) {
        usable = false;
        const topics = [...new Set(records.map(({ topic }) => topic))];
        const smallerNext = await options.topics?.failed(error, topics);
        const failure = transactionError("Cannot send", error, {
          ...{ topics, needs: ["Write"], user: client.user },
        });
        if (!smallerNext) throw failure;
        throw new TransactionError("unknown", failure.message, { cause: error });
      }
    },
    async [Symbol.asyncDispose]() {
      usable = false;
      await producer.disconnect().catch((error) => log.debug("Disconnect: {error}", { error }));
    },
  };
}
