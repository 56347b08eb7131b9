/**
 * Exactly-once as it is often written with kafkajs: on an error `abort()`, then the same producer again. One answer to a
 * produce request is lost on the way; the client rolls its sequence back, and the broker takes the next batch for the old one.
 */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import type { Delivery } from "../../../src/engine/core/delivery.ts";
import { BrokerProxy } from "../../../src/tools/torture/broker_proxy.ts";
import { Interceptors } from "../../../src/tools/torture/interceptors.ts";
import { freePort } from "../../../src/tools/stack/ports.ts";
import { stockKafkajs } from "./mutated_readers.ts";
import type { Pipeline } from "./pipeline.ts";

/** The delivery and what it owns. */
export function reusingDelivery(
  brokers: readonly string[],
  pipeline: Pipeline,
): AsyncDisposable & { readonly delivery: Delivery } {
  const interceptors = new Interceptors();
  const port = freePort();
  const target = Number(brokers[0]?.split(":")[1]);
  const proxy = new BrokerProxy({ nodeId: 1, port, target }, interceptors);
  let lost = false;
  interceptors.add(({ direction, api }) => {
    if (direction !== "answer" || api !== "produce" || lost) return undefined;
    lost = true;
    return "drop-and-close";
  });
  const { Kafka, logLevel } = stockKafkajs();
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    // Whatever address the broker gives, the way leads through the proxy.
    socketFactory: ({ onConnect }) => connect({ port, host: "127.0.0.1" }, onConnect),
    retry: { retries: 5, initialRetryTime: 20 },
  });
  const producer = kafka.producer({
    ...{ transactionalId: `reuse-${crypto.randomUUID()}`, maxInFlightRequests: 1 },
    ...{ idempotent: false, retry: { retries: 0 } },
  });
  let connected: Promise<void> | undefined;
  const transactions = pipeline.transactions();
  const delivery: Delivery = {
    guarantee: "exactly-once",
    async open({ groupId, reader }) {
      await (connected ??= producer.connect());
      const { topic, partition } = reader;
      return {
        start: await transactions.stableOffset(groupId, reader),
        async commit(records, offset) {
          const transaction = await producer.transaction();
          try {
            // One batch, and the same one again in the next transaction: its sequence numbers are those of the lost one.
            for (const [topic, ofTopic] of Map.groupBy(records, ({ topic }) => topic)) {
              const messages = ofTopic.map(({ partition, key, value }) => ({
                ...{ partition, key: bufferOf(key), value: bufferOf(value) },
              }));
              await transaction.send({ topic, messages });
            }
            const partitions = [{ partition, offset: String(offset) }];
            await transaction.sendOffsets({
              consumerGroupId: groupId,
              topics: [{ topic, partitions }],
            });
            await transaction.commit();
          } catch (error) {
            await transaction.abort();
            throw error;
          }
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  };
  return {
    delivery,
    async [Symbol.asyncDispose]() {
      await producer.disconnect();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

function bufferOf(value: Uint8Array | string | null): Buffer | null {
  if (value === null) return null;
  return typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
}
