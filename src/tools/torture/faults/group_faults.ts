/** Faults of the group and its topics: members that come and go, and a partition more. */
import { delay } from "../../../engine/core/delay.ts";
import type { FaultKind } from "../fault.ts";
import { addPartitions } from "../kafka_tool.ts";

const partitionsMax = 8;

/** All of them. */
export function groupFaults(): FaultKind[] {
  let partitions = 0;
  return [
    {
      kind: "rebalance storm",
      track: "infrastructure",
      weight: 2,
      draw: (random) => ({
        victim: "group",
        amounts: { members: random.integer(1, 2), stayMs: random.integer(500, 4_000) },
      }),
      async strike({ addWorker, removeWorker }, { amounts }, signal) {
        const names = Array.from(
          { length: amounts.members ?? 1 },
          (_, index) => `worker-x${index}`,
        );
        const workers = names.map(addWorker);
        const joined = await Promise.race([
          Promise.all(workers.map((worker) => worker.ready())).then(() => true),
          delay(15_000, signal).then(() => false, () => false),
        ]);
        await delay(amounts.stayMs ?? 500, signal).catch(() => {});
        await Promise.all(names.map(removeWorker));
        return joined;
      },
    },
    {
      kind: "a partition increase",
      track: "infrastructure",
      weight: 0.5,
      draw: () => ({ victim: "orders" }),
      strike({ tools, ordersTopic, partitionsAtStart }) {
        partitions = Math.max(partitions, partitionsAtStart) + 1;
        if (partitions > partitionsMax) return Promise.resolve(false);
        return addPartitions(tools, ordersTopic, partitions);
      },
    },
  ];
}
