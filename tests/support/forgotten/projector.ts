/** The read model behind a producer that is none of ours: the worker's own projector, and its watch over transactions. */
import { openRuntime } from "../../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../../src/app/compose/run_worker.ts";
import { readConfig } from "../../../src/config.ts";
import { openTransactor } from "../../../src/engine/kafka/transactor.ts";
import { placed } from "../../integration/projection_order_records.ts";
import { freshDatabase } from "../services.ts";
import type { MakeRole } from "./role.ts";

/** Orders by their number. */
export const projector: MakeRole = async ({ cluster, name, transactionTimeoutMs }) => {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await freshDatabase());
  const [orders, invoices, deadLetters] = [`${name}-orders`, `${name}-invoices`, `${name}-dead`];
  const config = readConfig({
    KAFKA_BROKERS: cluster.brokers.join(","),
    DATABASE_URL: url,
    ORDERS_TOPIC: orders,
    INVOICES_TOPIC: invoices,
    DEAD_LETTERS_TOPIC: deadLetters,
    OUTBOX_CURSOR_TOPIC: `${name}-cursor`,
    TOPIC_REPLICATION_FACTOR: "1",
  });
  const topics = {
    [orders]: [1, 2],
    [invoices]: [1],
    [deadLetters]: [1],
    [`${name}-cursor`]: [1],
  } as const;
  await cluster.makeTopics(topics, { "retention.ms": "-1" });
  const runtime = stack.use(await openRuntime(config, { applicationName: name }));
  const owned = stack.move();
  const transactionalId = `${name}-somebody`;
  return {
    topics: {},
    transactionalIds: [transactionalId],
    run: (signal) =>
      runWorker(runtime, { roles: ["projector"], guarantee: "exactly-once" }, signal),
    async feed(values, onStep) {
      await using transactor = await openTransactor(cluster.client, transactionalId, {
        // Only the one that is hit is to time out.
        transactionTimeoutMs: onStep ? transactionTimeoutMs : 60_000,
        onStep,
      });
      const records = values.map((orderId, at) => ({
        ...placed({ orderId, partition: at % 2 }),
        topic: orders,
      }));
      await transactor.commit({ records, offsets: [] });
    },
    async seen() {
      const { sql } = runtime.database;
      const rows = await sql<{ order_id: string }[]>`select order_id from order_view`;
      return rows.map(({ order_id }) => order_id);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
