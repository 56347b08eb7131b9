/** Metadata version 10: brokers, topics and leaders as they are. kafkajs's own throws all of it away where one partition has no leader. */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import type { VendorCluster, VendorProtocol } from "./vendor.ts";

/** A partition and the node that leads it, or -1. */
export interface PartitionLeader extends TopicPartition {
  /** In hexadecimal digits. */
  readonly topicId: string;
  readonly leader: number;
}

/** The cluster at one moment. */
export interface ClusterMap {
  readonly nodeIds: readonly number[];
  readonly partitions: readonly PartitionLeader[];
}

/** Asks any broker about all topics that we may see. From then on `findBroker` of this cluster knows its nodes. */
export async function fetchClusterMap(cluster: VendorCluster): Promise<ClusterMap> {
  if (!cluster.isConnected()) await cluster.connect();
  const broker = await cluster.brokerPool.findConnectedBroker();
  const map = await broker.connectionPool.send(metadataOfAll());
  const { brokerPool } = cluster;
  if (!map.nodeIds.every((nodeId) => nodeId in brokerPool.brokers)) {
    // kafkajs learns its nodes only together with a topic, and throws where a partition of that has no leader.
    const topics = Map.groupBy(map.partitions, ({ topic }) => topic);
    const whole = [...topics].find(([, own]) => own.every(({ leader }) => leader >= 0));
    if (whole) await brokerPool.refreshMetadata([whole[0]]);
  }
  return map;
}

const allTopics = 0;

function metadataOfAll(): VendorProtocol<ClusterMap> {
  const call = { apiKey: 3, apiVersion: 10, apiName: "Metadata" };
  return flexibleProtocol(
    call,
    (body) => body.uvarint(allTopics).boolean(false).boolean(false).boolean(false),
    parseClusterMap,
  );
}

/** Parses an answer from the header's tag buffer on. A topic with an error of its own has no partitions. */
export function parseClusterMap(bytes: Uint8Array): ClusterMap {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const nodeIds = reader.array(() => {
    const nodeId = reader.int32();
    reader.string(); // host
    reader.int32(); // port
    reader.string(); // rack
    reader.tags();
    return nodeId;
  });
  reader.string(); // cluster
  reader.int32(); // controller
  const partitions = reader.array(() => {
    reader.int16();
    const topic = reader.string() ?? "";
    const topicId = reader.raw(16).toHex();
    reader.boolean(); // is internal
    const leaders = reader.array((): PartitionLeader => {
      reader.int16(); // an error is a leader that is not there
      const partition = reader.int32();
      const leader = reader.int32();
      reader.int32(); // leader epoch
      for (let list = 0; list < 3; list++) reader.array(() => reader.int32());
      reader.tags();
      return { topic, topicId, partition, leader };
    });
    reader.int32(); // what we may do with it
    reader.tags();
    return leaders;
  }).flat();
  return { nodeIds, partitions };
}
