/** Metadata version 10 (KIP-516), which kafkajs lacks: topics by their identity, partitions with the epoch of their leader. */
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import type { VendorBroker, VendorProtocol } from "./vendor.ts";

/** One partition, as a broker knows it. */
export interface PartitionPlace {
  readonly partition: number;
  /** The broker that leads it; -1 where nobody does. */
  readonly leader: number;
  /** Rises with each change of the leader (KIP-320). */
  readonly leaderEpoch: number;
  /** How many brokers are to hold it. */
  readonly replicas: number;
  /** Which brokers these are, also where the cluster does not list them. */
  readonly heldBy: readonly number[];
  /** How many of them are in sync. */
  readonly inSync: number;
}

/** One topic, as a broker knows it. */
export interface TopicMetadata {
  readonly topic: string;
  /** 0, or why there is nothing else here: 3 is no such topic. */
  readonly errorCode: number;
  /** In hexadecimal digits; undefined where the cluster gives its topics none (before Kafka 2.8). */
  readonly topicId: string | undefined;
  readonly partitions: readonly PartitionPlace[];
  /** What this client may do with it, as bits; see {@linkcode mayDo}. Of no use where it was not asked for. */
  readonly operations?: number;
}

/** A cluster, as a broker knows it. */
export interface ClusterMetadata {
  readonly nodeIds: readonly number[];
  /** `host:port` of each node, as the cluster gives it to its clients. */
  readonly addresses: ReadonlyMap<number, string>;
  readonly topics: readonly TopicMetadata[];
}

/** Kafka's code for a topic that does not exist. */
export const unknownTopicCode = 3;

/** The identity of a topic that has none. */
export const noTopicId = "00000000000000000000000000000000";

/** What this broker knows of the topics of these names. */
export async function fetchTopicMetadata(
  broker: VendorBroker,
  topics: readonly string[],
): Promise<readonly TopicMetadata[]> {
  return (await broker.connectionPool.send(metadataOf(topics))).topics;
}

/** What this broker knows of the cluster, with all topics that we may see. */
export function fetchMetadata(broker: VendorBroker): Promise<ClusterMetadata> {
  return broker.connectionPool.send(metadataOf(undefined));
}

/** What this client may do with the topics of these names, and which of them have an error instead. */
export async function fetchOperations(
  broker: VendorBroker,
  topics: readonly string[],
): Promise<ReadonlyMap<string, Pick<TopicMetadata, "errorCode" | "operations">>> {
  const found = await broker.connectionPool.send(metadataOf(topics, true));
  return new Map(found.topics.map((topic) => [topic.topic, topic]));
}

const allTopics = 0;

function metadataOf(
  topics: readonly string[] | undefined,
  withOperations = false,
): VendorProtocol<ClusterMetadata> {
  const call = { apiKey: 3, apiVersion: 10, apiName: "Metadata" };
  return flexibleProtocol(
    call,
    (body) => {
      if (!topics) body.uvarint(allTopics);
      else {
        body.arrayLength(topics.length);
        for (const topic of topics) body.raw(new Uint8Array(16)).string(topic).tags();
      }
      // Nothing is made, and what may be done with the cluster is not listed.
      return body.boolean(false).boolean(false).boolean(withOperations);
    },
    parseMetadata,
  );
}

/** Parses an answer from the header's tag buffer on. */
export function parseMetadata(bytes: Uint8Array): ClusterMetadata {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const addresses = new Map(reader.array(() => {
    const nodeId = reader.int32();
    const address = `${reader.string() ?? ""}:${reader.int32()}`;
    reader.string(); // rack
    reader.tags();
    return [nodeId, address] as const;
  }));
  reader.string(); // cluster
  reader.int32(); // controller
  const topics = reader.array((): TopicMetadata => {
    const errorCode = reader.int16();
    const topic = reader.string() ?? "";
    const id = reader.raw(16).toHex();
    reader.raw(1); // is internal
    const partitions = reader.array(() => {
      reader.int16();
      const partition = reader.int32();
      const leader = reader.int32();
      const leaderEpoch = reader.int32();
      const heldBy = reader.array(() => reader.int32());
      const inSync = reader.array(() => reader.int32()).length;
      reader.array(() => reader.int32()); // offline replicas
      reader.tags();
      return { partition, leader, leaderEpoch, replicas: heldBy.length, heldBy, inSync };
    });
    const operations = reader.int32();
    reader.tags();
    const topicId = id === noTopicId ? undefined : id;
    return { topic, errorCode, topicId, partitions, operations };
  });
  return { nodeIds: [...addresses.keys()], addresses, topics };
}
