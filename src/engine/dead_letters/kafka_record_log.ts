/** The dead letters' view of Kafka: the one file of this room that knows `src/kafka`. Writes nothing but topics. */
import { askClusterTime } from "../kafka/cluster_time.ts";
import { protocolErrorType } from "../kafka/error_verdict.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { readLogRange } from "../kafka/log_range.ts";
import { MissingPermissionError, permitted } from "../kafka/missing_permission.ts";
import { obstacleOf } from "../kafka/obstacle.ts";
import { openPartitionReader } from "../kafka/open_partition_reader.ts";
import { fetchPlainOffset } from "../kafka/plain_offset.ts";
import { fetchTopicId } from "../kafka/topic_id.ts";
import type { RecordLog } from "./record_log.ts";

/** Connects when it is first asked; disposing disconnects. Readers are disposed of by their owners. */
export function openRecordLog(client: KafkaClient): RecordLog & AsyncDisposable {
  const cluster = client.cluster();
  const asking = async <T>(topic: string, ask: () => Promise<T>, groupId?: string) => {
    const request = { topics: [topic], groupId, user: client.user };
    try {
      return await permitted(request, ask);
    } catch (error) {
      if (protocolErrorType(error) !== "UNKNOWN_TOPIC_OR_PARTITION") throw error;
      throw new Error(obstacleOf(error, request)?.reason, { cause: error });
    }
  };
  return {
    names: client.names,
    async partitionCount(topic) {
      if (!cluster.isConnected()) await cluster.connect();
      try {
        await asking(topic, async () => {
          await cluster.addMultipleTargetTopics([topic]);
          await cluster.refreshMetadataIfNecessary();
        });
      } catch (error) {
        if (protocolErrorType(error) === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
        if (error instanceof MissingPermissionError) throw error;
        throw new Error(`Cannot look up topic ${topic}`, { cause: error });
      }
      return cluster.findTopicPartitionMetadata(topic).length || undefined;
    },
    topicId: (topic) => asking(topic, () => fetchTopicId(cluster, topic)),
    now: async () => (await askClusterTime(client)).ms,
    range: (partition) => asking(partition.topic, () => readLogRange(cluster, partition)),
    async highWatermark(partition) {
      const range = () => readLogRange(cluster, partition, { isolationLevel: 0 });
      return (await asking(partition.topic, range)).end;
    },
    async committedOffset(groupId, partition) {
      if (!cluster.isConnected()) await cluster.connect();
      const fetch = () => fetchPlainOffset(cluster, groupId, partition);
      return await asking(partition.topic, fetch, groupId);
    },
    openReader: (partition, fromOffset) => openPartitionReader(client, partition, fromOffset),
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}
