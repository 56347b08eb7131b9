/** ListOffsets: where a partition's log starts, and where its committed part ends. */
import { delay } from "../core/delay.ts";
import type { LogRange } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { protocolErrorType, verdictOf } from "./error_verdict.ts";
import { noLeaderError } from "./no_leader.ts";
import type { VendorCluster } from "./vendor.ts";

const earliest = "-2";
const latest = "-1";
const attemptsMax = 50;
const retryMs = 100;
const noLeader = "LEADER_NOT_AVAILABLE";

/**
 * The range of one partition at this moment. Under a read_committed cluster `end` is the last stable offset.
 * A leader election is waited for, up to some seconds; with `untilLed` for as long as there is no leader.
 */
export async function readLogRange(
  cluster: VendorCluster,
  { topic, partition }: TopicPartition,
  options: {
    readonly isolationLevel?: 0 | 1;
    readonly signal?: AbortSignal;
    readonly untilLed?: boolean;
  } = {},
): Promise<LogRange> {
  for (let attempt = 1;; attempt++) {
    try {
      if (!cluster.isConnected()) await cluster.connect();
      await cluster.addMultipleTargetTopics([topic]);
      await cluster.refreshMetadataIfNecessary();
      const leader = cluster.findTopicPartitionMetadata(topic)
        .find(({ partitionId }) => partitionId === partition)?.leader;
      if (leader === undefined || leader < 0) throw noLeaderError({ topic, partition });
      const broker = await cluster.findBroker({ nodeId: leader });
      const at = async (timestamp: string) => {
        const { responses } = await broker.listOffsets({
          isolationLevel: options.isolationLevel ?? 1,
          topics: [{ topic, partitions: [{ partition, timestamp }] }],
        });
        return Number(responses[0]?.partitions[0]?.offset);
      };
      return { start: await at(earliest), end: await at(latest) };
    } catch (error) {
      if (options.untilLed && protocolErrorType(error) === noLeader) attempt = 0;
      // A permission does not come back by itself within seconds; whoever asked can say so at once.
      if (attempt >= attemptsMax || verdictOf(error) === "blocked") {
        throw new Error(`Cannot read the log range of ${topic}-${partition}`, { cause: error });
      }
      await delay(retryMs, options.signal);
      await cluster.refreshMetadata().catch(() => {});
    }
  }
}
