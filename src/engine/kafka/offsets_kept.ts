/** Asks how long Kafka keeps the offsets of a group that has no members. */
import { withCluster } from "./group_standing.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { brokerSetting } from "./topic_settings.ts";

/** Milliseconds; undefined where the group's coordinator does not tell: that needs DescribeConfigs on the cluster. */
export async function offsetsKeptMs(
  client: KafkaClient,
  groupId: string,
): Promise<number | undefined> {
  return await withCluster(client, async (cluster) => {
    const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
    const minutes = Number(await brokerSetting(coordinator, "offsets.retention.minutes"));
    return minutes > 0 ? minutes * 60_000 : undefined;
  });
}
