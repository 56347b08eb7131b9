/** A start while one of two brokers is down: what has a leader is worked on, the rest waits for it and is named. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { openApi } from "../../src/app/compose/run_serve.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { kafkaVersion } from "../../src/tools/stack/ensure_stack.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { record } from "../support/kafka.ts";
import { until } from "./kafka_acl_taken_away.ts";
import { freshDatabase } from "../support/services.ts";
import { startTwoNodes } from "../support/two_nodes.ts";

Deno.test({
  name:
    "a start while a partition has no leader: the others are worked on, and that one when it is back",
  // The nodes are started here, and outlive nothing.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    const lines: string[] = [];
    configureLogging({ level: "warning", write: (line) => void lines.push(line) });
    await using database = await freshDatabase();
    await using cluster = await startTwoNodes(kafkaVersion, { offsets: 1 });
    const both = [1, 2] as const;
    await cluster.makeTopics({ "orders": both, "invoices": both, "orders.DLQ": both });
    await cluster.makeTopics({ "onceflow.outbox-cursor": [1] });
    await cluster.makeTopics({ "onceflow.lanes": [1] }, { "cleanup.policy": "compact" });
    await cluster.kill();
    await refusedBeforeItBegins(cluster.client);

    const config = readConfig({
      ...{ KAFKA_BROKERS: cluster.brokers.join(","), DATABASE_URL: database.url },
      SESSION_TIMEOUT_MS: "6000",
    });
    const observability = createObservability();
    const { health } = observability;
    await using runtime = await openRuntime(config, { applicationName: "test", health });
    await using api = openApi(runtime, createObservability());
    const stop = new AbortController();
    const working = runWorker(
      runtime,
      { roles: ["relay", "flow", "projector"], guarantee: "exactly-once", health },
      stop.signal,
    );
    const place = async (at: number) => {
      const body = JSON.stringify({ user_id: `user-${at}`, amount: "1.00", currency: "USD" });
      const headers = { "content-type": "application/json" };
      const request = new Request("http://x/orders", { method: "POST", body, headers });
      const response = await api.fetch(request);
      assertEquals(response.status, 202);
      return (await response.json()).order_id as string;
    };
    const orders = await Promise.all(Array.from({ length: 24 }, (_, at) => place(at)));
    const keys = await runtime.database.sql<{ key: string }[]>`select key from outbox`;
    const led = keys.filter(({ key }) => partitionForKey(key, 2) === 0).length;
    assert(led > 0 && led < orders.length);
    const invoiced = async () => {
      const [row] = await runtime.database.sql<{ count: number }[]>`
        select count(*)::int as count from order_view where invoice_id is not null`;
      return row?.count;
    };
    await until("what has a leader is invoiced", async () => await invoiced() === led);
    const waiting = () =>
      health.ready().checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
    for (const name of ["lane:orders-1", "lane:invoices-1", "lane:orders.DLQ-1", "relay:0"]) {
      await until(
        `${name} is named`,
        () => waiting().some((line) => line.startsWith(name) && line.includes("no leader")),
      );
    }
    assertEquals(waiting().filter((line) => /-0\b/.test(line)), []);
    await cluster.revive();
    await until("all of them are", async () => await invoiced() === orders.length);
    await until("it is ready", () => health.ready().ready);
    stop.abort();
    await working;
    // Of each partition once, and of the relay.
    const said = lines.filter((line) => /is not ready.*no leader/.test(line));
    assertEquals(said.length, 4, said.join(""));
  },
});

/** What has to go to a partition without a leader is refused while no offset is pending yet, and the producer goes on. */
async function refusedBeforeItBegins(client: KafkaClient): Promise<void> {
  const offsets = [{ groupId: "refused", topic: "orders", partition: 0, offset: 1 }];
  await using transactions = createTransactions(client, { transactionTimeoutMs: 60_000 });
  await using transactor = await transactions.open("refused");
  const refusal = await assertRejects(
    () => transactor.commit({ records: [record("invoices", 1, "k", "nowhere")], offsets }),
    TransactionError,
    "without a leader",
  );
  assertEquals(refusal.begun, false);
  await transactor.commit({ records: [], offsets });
  const stable = transactions.stableOffset("refused", { topic: "orders", partition: 0 });
  assertEquals((await inTime(stable, "nothing is pending")).offset, 1);
}
