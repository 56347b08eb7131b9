/** The coordinators of a group and of its transactions move to another node, while an offset is pending there. */
import type { GroupMember } from "../../src/engine/core/ports.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { offsetFetch } from "../../src/engine/kafka/offset_fetch.ts";
import { errorInChain } from "../../src/engine/kafka/refused_request.ts";
import { openTransactor } from "../../src/engine/kafka/transactor.ts";
import { kafkaVersion } from "../../src/tools/stack/ensure_stack.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { withoutWaiting } from "../support/mutants/mutated_commits.ts";
import { startTwoNodes } from "../support/two_nodes.ts";
import { flowOfTwo, outputsWhenHeldUp } from "./group_fencing_cases.ts";

const offsets = "__consumer_offsets";
const transactions = "__transaction_state";
const unstableOffsetCommit = 88;

/** The new coordinator still reads its log, or the old one was asked. */
function isMoving(error: unknown): [] {
  const moving = errorInChain(
    error,
    ({ type }) =>
      [
        "GROUP_LOAD_IN_PROGRESS",
        "GROUP_COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR_FOR_GROUP",
      ].includes(
        String(type),
      ),
  );
  if (!moving) throw error;
  return [];
}

Deno.test({
  name: "a coordinator that moves takes along what is pending, and who may commit",
  // The nodes are started here, and outlive nothing.
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(test) {
    await using cluster = await startTwoNodes(kafkaVersion, { offsets: 1 });
    const { client } = cluster;
    type Flow = Awaited<ReturnType<typeof flowOfTwo>>;
    /** What the node that keeps the group's offsets now answers to who asks for a stable one. */
    const stableError = ({ flow, source }: Flow) =>
      withCluster(client, (one) =>
        waitFor(async () => {
          const coordinator = await one.findGroupCoordinator({
            groupId: flow.groupId,
            coordinatorType: 0,
          });
          const place = { topic: source, partition: 1 };
          const [answer] = await coordinator.connectionPool.send(
            offsetFetch(flow.groupId, place, true),
          ).catch(isMoving);
          return answer?.errorCode;
        }, { waitMsMax: 20_000, intervalMs: 20 }));

    await test.step("the group's: the transaction commits, and its offset counts", async () => {
      const flow = await flowOfTwo(client, "group-moved");
      let held: GroupMember | undefined;
      const outputs = await outputsWhenHeldUp(
        ...["before-end-txn", "the next owner asks for the offset", flow] as const,
        {
          mutate: (write) => ({ ...write, member: held = write.member }),
          async beforeItGoesOn() {
            await cluster.move(offsets, 2);
            assertEquals(await stableError(flow), unstableOffsetCommit);
          },
        },
      );
      assertEquals(outputs, ["k0", "k1"]);
      // The generation that has passed is known to the new coordinator as well.
      assert(held);
      const { groupId } = flow.flow;
      await using late = await openTransactor(client, `${groupId}/late`, {
        transactionTimeoutMs: 20_000,
      });
      const offset = { groupId, topic: flow.source, partition: 1, offset: 0 };
      const refused = await assertRejects(
        () => late.commit({ records: [], offsets: [offset], member: held }),
        TransactionError,
      );
      assertEquals(refused.verdict, "left-behind");
    });

    await test.step("that of transactions: the outcome is not known, and is found", async () => {
      const flow = await flowOfTwo(client, "transactions-moved");
      const outputs = await outputsWhenHeldUp(
        ...["before-end-txn", "the next owner asks for the offset", flow] as const,
        { beforeItGoesOn: () => cluster.move(transactions, 2) },
      );
      assertEquals(outputs, ["k0", "k1"]);
    });

    await test.step("both, before the offsets are sent: refused, and done again", async () => {
      const flow = await flowOfTwo(client, "both-moved");
      const outputs = await outputsWhenHeldUp(
        ...["before-offsets", "the next owner has committed", flow] as const,
        {
          async beforeItGoesOn() {
            await cluster.move(offsets, 1);
            await cluster.move(transactions, 1);
          },
        },
      );
      assertEquals(outputs, ["k0", "k1"]);
    });

    await test.step("mutant: whoever does not wait on the new coordinator does it again", async () => {
      const flow = await flowOfTwo(client, "mutant-moved");
      const ask = withoutWaiting(client);
      let moved: Promise<void> | undefined;
      const outputs = await outputsWhenHeldUp(
        ...["before-end-txn", "the next owner has committed", flow] as const,
        {
          async stableOffset(...request) {
            await (moved ??= cluster.move(offsets, 2));
            return await ask(...request);
          },
        },
      );
      assertEquals(outputs, ["k0", "k1", "k1"]);
    });
  },
});
