/** An output partition without a leader holds up the lane that writes there, and says so; the others of the same worker go on. */
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { assertEquals } from "../support/assert.ts";
import { copyFlow } from "../support/copy_flow.ts";
import { inTime } from "../support/in_time.ts";
import { jsons, produce, readPartition, record } from "../support/kafka.ts";
import { startTwoNodes } from "../support/two_nodes.ts";

Deno.test({
  name: "a partition without a leader holds up what writes to it and nothing else",
  // The nodes are started here, and outlive nothing.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using cluster = await startTwoNodes("4.2.2", { offsets: 1 });
    const { client } = cluster;
    await cluster.makeTopics({ in: [1, 1], out: [1, 2], "in.DLQ": [1] });
    await cluster.makeTopics({ "onceflow.lanes": [1] }, { "cleanup.policy": "compact" });
    const flow = copyFlow("in", "out");
    // What lies in a partition of the input goes to the partition of that number.
    const idsOf = (partition: number) =>
      Array.from({ length: 100 }, (_, n) => `id-${n}`)
        .filter((id) => partitionForKey(id, 2) === partition).slice(0, 8);
    const ids = [idsOf(0), idsOf(1)];
    const send = (partition: number, from: number, to: number) =>
      produce(
        client,
        (ids[partition] ?? []).slice(from, to).map((id) => record("in", partition, id, { id })),
      );
    const health = createHealth();
    const stop = new AbortController();
    let records = 0;
    const counted = async (least: number) => {
      while (records < least) await delay(20, stop.signal);
    };
    let producers = 0;
    const running = runFlow(client, flow, stop.signal, {
      ...{ health, transactionTimeoutMs: 5_000, sessionTimeoutMs: 6_000 },
      observer: { committed: (batch) => void (records += batch.records) },
    }, {
      onStep: (step) => {
        if (step === "after-init-producer-id") producers++;
      },
    });
    await send(0, 0, 2);
    await send(1, 0, 2);
    await inTime(counted(4), "both lanes have worked");
    await cluster.kill();
    await send(1, 2, 8);
    const held = async () => {
      while (health.ready().checks.every(({ name, ok }) => ok || name !== "lane:in-1")) {
        await delay(20, stop.signal);
      }
    };
    await inTime(held(), "the other one says that it waits");
    const producersBefore = producers;
    for (let n = 2; n < 8; n++) {
      await send(0, n, n + 1);
      await inTime(counted(3 + n), `the lane whose output has a leader commits number ${n}`);
    }
    assertEquals(producers, producersBefore, "what waits costs the others no new producer");
    await cluster.revive();
    await inTime(counted(16), "that has come back, too");
    stop.abort();
    await running;
    for (const partition of [0, 1]) {
      const seen = jsons(await readPartition(client, "out", partition)).map(({ id }) => id);
      assertEquals(seen, ids[partition]);
    }
  },
});
