/** Two lanes in one transaction whose answer is lost: each of them says what became of it, as its own offset tells. */
import { z } from "zod";
import { exactlyOnce } from "../../src/engine/core/delivery.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { GroupCommitter } from "../../src/engine/core/group_committer.ts";
import { runLane } from "../../src/engine/core/lane.ts";
import {
  type Assignment,
  TransactionError,
  type Transactions,
} from "../../src/engine/core/ports.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { assertEquals } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";

const contract = (name: string) =>
  topic(name, { read: z.object({ id: z.string() }), key: (event) => event.id });
const flow = defineFlow({
  name: "in",
  from: contract("in"),
  to: [contract("out")],
  transform: () => undefined,
});

for (const outcome of ["committed", "aborted"] as const) {
  Deno.test(`a transaction of two lanes without an answer, found ${outcome}, counts once for each`, async () => {
    const offsets = new Map([[0, 0], [1, 0]]);
    const sizes: number[] = [];
    const transactions: Transactions = {
      open: (transactionalId) =>
        Promise.resolve({
          transactionalId,
          commit(write) {
            const isLost = sizes.push(write.offsets.length) === 1;
            if (!isLost || outcome === "committed") {
              for (const { partition, offset } of write.offsets) offsets.set(partition, offset);
            }
            if (isLost) return Promise.reject(new TransactionError("unknown", "no answer"));
            return Promise.resolve();
          },
          [Symbol.asyncDispose]: () => Promise.resolve(),
        }),
      shutOut: () => Promise.resolve(),
      stableOffset: (_group, { partition }) =>
        Promise.resolve({ offset: offsets.get(partition) ?? -1, metadata: "" }),
    };
    await using committer = new GroupCommitter(flow.groupId, transactions, {
      recordsMax: 10,
      bytesMax: 1_000,
    });
    const lanes = [0, 1].map((partition) => ({ topic: "in", partition }));
    committer.resume({ generationId: 1, memberId: "a" }, lanes);
    const running = lanes.map((place) => lane(place.partition, exactlyOnce(committer)));
    const told = await inTime(Promise.all(running), "both lanes have committed up to 2");
    assertEquals({ together: sizes[0], told, offsets: [...offsets.values()] }, {
      together: 2,
      told: [[outcome], [outcome]],
      offsets: [2, 2],
    });
  });
}

/** Works up to offset 2, one record a transaction; what it said of commits whose answer was lost. */
async function lane(partition: number, delivery: ReturnType<typeof exactlyOnce>) {
  const told: string[] = [];
  const stop = new AbortController();
  let position = 0;
  const assignment: Assignment = {
    groupId: flow.groupId,
    signal: stop.signal,
    stillOwned: () => Promise.resolve(true),
    commitOffset: () => Promise.reject(new Error("a lane commits nothing by itself here")),
    committedOffset: () => Promise.reject(new Error("nor does it ask for that offset")),
    reader: {
      topic: "in",
      partition,
      get position() {
        return position;
      },
      seek: (offset) => void (position = offset),
      range: () => Promise.resolve({ start: 0, end: 2 }),
      next() {
        if (position < 2) return Promise.resolve({ records: [], nextOffset: ++position });
        stop.abort();
        return Promise.reject(stop.signal.reason);
      },
    },
  };
  await runLane(
    flow,
    assignment,
    delivery,
    { partitionCount: () => 1, recordBytesMax: 1_000, planMsMax: 1_000 },
    { recordsMax: 10, bytesMax: 1_000, dependencyBackoffMsMax: 100 },
    { resolved: (outcome) => told.push(outcome) },
  );
  return told;
}
