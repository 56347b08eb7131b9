/** The relay of a pipeline on a broker and a database of its own, as a worker runs it. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { readConfig } from "../../src/config.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { relayObserver } from "../../src/engine/observe/relay_observer.ts";
import { freshDatabase } from "./services.ts";

/** Disposing ends it. */
export async function ownRelay({ settings: { brokers } }: KafkaClient) {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const config = readConfig({
    ...{ KAFKA_BROKERS: brokers.join(","), DATABASE_URL: database.url },
    ...{ TOPIC_PARTITIONS: "1", TOPIC_REPLICATION_FACTOR: "1" },
  });
  const runtime = stack.use(await openRuntime(config, { applicationName: "test" }));
  const owned = stack.move();
  const stop = new AbortController();
  const { metrics, health } = createObservability();
  const relayed = Promise.withResolvers<void>();
  const running = runWorker(runtime, {
    ...{ roles: ["relay"], guarantee: "exactly-once", health },
    observers: { relay: { ...relayObserver(metrics, health), relayed: () => relayed.resolve() } },
  }, stop.signal);
  running.catch(() => {});
  return {
    check: () => health.ready().checks.find(({ name }) => name === "relay:0"),
    /** Resolves when the first row is published. */
    relayed: relayed.promise,
    place: () =>
      placeOrder(runtime.database.sql, { userId: "u", amount: "1.00", currency: "USD" }, {
        ...{ topic: config.ORDERS_TOPIC, shards: 1, now: () => new Date() },
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running.finally(() => owned.disposeAsync());
    },
  };
}
