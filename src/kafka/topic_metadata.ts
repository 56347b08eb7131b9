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
}

/** One topic, as a broker knows it. */
export interface TopicMetadata {
  readonly topic: string;
  /** 0, or why there is nothing else here: 3 is no such topic. */
  readonly errorCode: number;
  /** In hexadecimal digits; undefined where the cluster gives its topics none (before Kafka 2.8). */
  readonly topicId: string | undefined;
  readonly partitions: readonly PartitionPlace[];
}

/** Kafka's code for a topic that does not exist. */
export const unknownTopicCode = 3;

const noTopic = "00000000000000000000000000000000";

/** What this broker knows of the topics of these names. */
export function fetchTopicMetadata(
  broker: VendorBroker,
  topics: readonly string[],
): Promise<readonly TopicMetadata[]> {
  return broker.connectionPool.send(metadataOf(topics));
}

function metadataOf(topics: readonly string[]): VendorProtocol<TopicMetadata[]> {
  const call = { apiKey: 3, apiVersion: 10, apiName: "Metadata" };
  return flexibleProtocol(
    call,
    (body) => {
      body.arrayLength(topics.length);
      for (const topic of topics) body.raw(new Uint8Array(16)).string(topic).tags();
      // Nothing is made, and no permissions are listed.
      return body.boolean(false).boolean(false).boolean(false);
    },
    parseTopicMetadata,
  );
}

/** Parses an answer from the header's tag buffer on. */
export function parseTopicMetadata(bytes: Uint8Array): TopicMetadata[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  reader.array(() => {
    reader.int32();
    reader.string();
    reader.int32();
    reader.string();
    reader.tags();
  });
  reader.string(); // cluster
  reader.int32(); // controller
  return reader.array(() => {
    const errorCode = reader.int16();
    const topic = reader.string() ?? "";
    const id = reader.raw(16).toHex();
    reader.raw(1); // is internal
    const partitions = reader.array(() => {
      reader.int16();
      const partition = reader.int32();
      const leader = reader.int32();
      const leaderEpoch = reader.int32();
      const replicas = reader.array(() => reader.int32()).length;
      for (let list = 0; list < 2; list++) reader.array(() => reader.int32());
      reader.tags();
      return { partition, leader, leaderEpoch, replicas };
    });
    reader.int32();
    reader.tags();
    return { topic, errorCode, topicId: id === noTopic ? undefined : id, partitions };
  });
}
