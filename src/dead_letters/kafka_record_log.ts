/** The dead letters' view of Kafka: the one file of this room that knows `src/kafka`. Writes nothing but topics. */
import { protocolErrorType } from "../kafka/error_verdict.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { readLogRange } from "../kafka/log_range.ts";
import { openPartitionReader } from "../kafka/open_partition_reader.ts";
import { fetchPlainOffset } from "../kafka/plain_offset.ts";
import { fetchTopicId } from "../kafka/topic_id.ts";
import type { RecordLog } from "./record_log.ts";

/** Connects when it is first asked; disposing disconnects. Readers are disposed of by their owners. */
export function openRecordLog(client: KafkaClient): RecordLog & AsyncDisposable {
  const cluster = client.cluster();
  return {
    async partitionCount(topic) {
      if (!cluster.isConnected()) await cluster.connect();
      try {
        await cluster.addMultipleTargetTopics([topic]);
        await cluster.refreshMetadataIfNecessary();
      } catch (error) {
        if (protocolErrorType(error) === "UNKNOWN_TOPIC_OR_PARTITION") return undefined;
        throw new Error(`Cannot look up topic ${topic}`, { cause: error });
      }
      return cluster.findTopicPartitionMetadata(topic).length || undefined;
    },
    topicId: (topic) => fetchTopicId(cluster, topic),
    range: (partition) => readLogRange(cluster, partition),
    async highWatermark(partition) {
      return (await readLogRange(cluster, partition, { isolationLevel: 0 })).end;
    },
    async committedOffset(groupId, partition) {
      if (!cluster.isConnected()) await cluster.connect();
      return await fetchPlainOffset(cluster, groupId, partition);
    },
    openReader: (partition, fromOffset) => openPartitionReader(client, partition, fromOffset),
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}
