/** A coordinator that does not answer is said once it has been silent for long, and taken back with its first answer. */
import { CoordinatorWatch } from "../../src/engine/flow/watch_coordinators.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openTransactor } from "../../src/engine/kafka/transactor.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { testClient, uniqueName } from "../support/kafka.ts";

Deno.test("a transaction coordinator that is silent is named, and one that answers is not", async () => {
  const groupId = uniqueName("watched");
  const lane = { topic: "orders", partition: 0, groupId, position: 0 };
  const health = createHealth();
  const detail = () => health.ready().checks.map(({ detail }) => detail).join();
  const nobody = createKafkaClient({
    ...{ brokers: [`127.0.0.1:${freePort()}`], clientId: "test", ssl: false },
  });
  const away = nobody.cluster({ retries: 0 });
  const patient = new CoordinatorWatch(away, health, 60_000);
  await patient.look([lane]);
  assertEquals(detail(), "");
  const watch = new CoordinatorWatch(away, health, -1);
  await watch.look([lane]);
  assertStringIncludes(detail(), `${groupId}/orders/0 does not answer`);
  assertStringIncludes(detail(), "__transaction_state");
  // Nobody writes any more.
  await watch.look([]);
  assertEquals(detail(), "");
  await watch.look([lane]);
  assertStringIncludes(detail(), "does not answer");
  await away.disconnect();
  const client = await testClient();
  await using _transactor = await openTransactor(client, `${groupId}/orders/0`, {
    transactionTimeoutMs: 10_000,
  });
  await withCluster(client, async (cluster) => {
    await new CoordinatorWatch(cluster, health, -1).look([lane]);
    assertEquals(detail(), "");
  });
});
