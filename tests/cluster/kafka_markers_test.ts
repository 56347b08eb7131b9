/** The Kafka that we ship writes the marker of every transaction that it calls complete; 4.3.0, 4.3.1 and 4.4.0 do not. */
import {
  EndRefusedError,
  planEnd,
  showTransactions,
} from "../../src/engine/kafka/end_by_decision.ts";
import { forgetfulLine } from "../../src/engine/kafka/forgetful_line.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { fetchStableOffset } from "../../src/engine/kafka/stable_offset.ts";
import { readPartitionEnds } from "../../src/engine/kafka/partition_ends.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { openTransactor } from "../../src/engine/kafka/transactor.ts";
import { kafkaVersion } from "../../src/tools/stack/ensure_stack.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { readPartition, record, texts } from "../support/kafka.ts";
import { startTwoNodes } from "../support/two_nodes.ts";

/** KAFKA-20734: a coordinator that takes a partition without a leader for a deleted one, and skips its marker. */
Deno.test({
  name: "a transaction that ends while a partition has no leader ends there, too, once it has one",
  // The nodes are started here, and outlive nothing.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using cluster = await startTwoNodes(kafkaVersion, { coordinator: [1, 2] });
    const { client } = cluster;
    assertEquals(await withCluster(client, forgetfulLine), undefined);
    await cluster.makeTopics({ in: [1], out: [1, 2], foreign: [1] });
    // By its hash this id is for the coordinator on the second node.
    await using others = createTransactions(client, {
      transactionTimeoutMs: 60_000,
      onStep: (step) => {
        if (step === "before-end-txn") throw new Error("gone");
      },
    });
    await using another = await others.open("another");
    const foreign = [record("foreign", 0, "k", "of somebody else")];
    await assertRejects(() => another.commit({ records: foreign, offsets: [] }));
    const place = { topic: "in", partition: 0 };
    {
      await using transactor = await openTransactor(client, "group/in/0", {
        transactionTimeoutMs: 60_000,
        onStep: async (step) => {
          if (step === "before-end-txn") await cluster.kill();
        },
      });
      await transactor.commit({
        records: [record("out", 0, "k", "on the first"), record("out", 1, "k", "on the second")],
        offsets: [{ groupId: "group", ...place, offset: 7 }],
      });
    }
    const ends = await withCluster(client, (vendor) =>
      readPartitionEnds(vendor, [
        ...[place, place, { topic: "out", partition: 0 }, { topic: "out", partition: 1 }],
        { topic: "nowhere", partition: 0 },
      ]));
    assertEquals(
      ends.map(({ topic, partition, led, highWatermark }) =>
        `${topic}-${partition} ${led} ${highWatermark > 0}`
      ).sort(),
      ["in-0 true false", "out-0 true true", "out-1 false false"],
      "a partition without a leader, or one that is not there, hides no other",
    );
    // The coordinator may know of it and cannot be asked: nobody may call it forgotten.
    const found = await showTransactions(client, ["foreign"]);
    const [one] = found.examined.filter(({ part }) => part.topic === "foreign");
    assertEquals(one?.kind, "unasked");
    const decision = { partition: "foreign-0", producerId: one?.part.producerId ?? -1n };
    assertThrows(() => planEnd(found, { ...decision, outcome: "abort" }), EndRefusedError);
    await cluster.revive();
    assertEquals(texts(await readPartition(client, "out", 0)), ["on the first"]);
    assertEquals(texts(await readPartition(client, "out", 1)), ["on the second"]);
    const vendor = client.cluster();
    try {
      const waiting = AbortSignal.timeout(60_000);
      const committed = await fetchStableOffset(vendor, "group", place, waiting);
      assertEquals(committed.offset, 7);
    } finally {
      await vendor.disconnect();
    }
  },
});
