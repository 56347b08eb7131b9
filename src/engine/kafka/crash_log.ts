/** Keeps what a lane's crash guard counts as a consumer group's offset and its metadata: durable, outside of any transaction. */
import type { CrashLog } from "../core/crash_guard.ts";
import type { TopicPartition } from "../core/record.ts";
import { named } from "./error_verdict.ts";
import { fetchStableOffset } from "./stable_offset.ts";
import type { VendorCluster } from "./vendor.ts";

/** The group under which a flow's attempts are counted. */
export function attemptsGroupOf(flowGroup: string): string {
  return `${flowGroup}.attempts`;
}

/**
 * The attempts at one partition, under the group `<group>.attempts`: it has no members, so anybody may commit to it, and the
 * flow's own offsets stay as they are.
 */
export function openCrashLog(
  cluster: VendorCluster,
  flowGroup: string,
  partition: TopicPartition,
  user?: string,
): CrashLog {
  const groupId = attemptsGroupOf(flowGroup);
  const request = { groupId, topics: [partition.topic], needs: ["Read"], user };
  return {
    async read() {
      const { offset, metadata } = await named(
        "Cannot read how often this lane has begun without a commit",
        request,
        () => fetchStableOffset(cluster, groupId, partition),
      );
      const attempts = Number(metadata);
      return { offset, attempts: Number.isInteger(attempts) ? attempts : 0 };
    },
    write: ({ offset, attempts }) =>
      named("Cannot count an attempt at a record that may kill the process", request, async () => {
        const coordinator = await cluster.findGroupCoordinator({ groupId });
        await coordinator.offsetCommit({
          groupId,
          groupGenerationId: -1,
          memberId: "",
          topics: [{
            topic: partition.topic,
            partitions: [{
              partition: partition.partition,
              offset: String(offset),
              metadata: String(attempts),
            }],
          }],
        });
      }),
  };
}
