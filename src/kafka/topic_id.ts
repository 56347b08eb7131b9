/** Metadata version 10 (KIP-516), which kafkajs lacks: the identity that tells a topic from another one of its name. */
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorCluster, type VendorProtocol } from "./vendor.ts";

const noTopic = "00000000000000000000000000000000";

/**
 * The topic's id in hexadecimal digits; undefined where the cluster gives its topics none (before Kafka 2.8).
 *
 * @throws the protocol's error where there is no such topic
 */
export async function fetchTopicId(
  cluster: VendorCluster,
  topic: string,
): Promise<string | undefined> {
  if (!cluster.isConnected()) await cluster.connect();
  await cluster.addMultipleTargetTopics([topic]);
  const nodeId = cluster.findTopicPartitionMetadata(topic).find(({ leader }) => leader >= 0)
    ?.leader;
  if (nodeId === undefined) throw new Error(`topic ${topic} has no partition with a leader`);
  const broker = await cluster.findBroker({ nodeId });
  const id = await broker.connectionPool.send(metadataOf(topic));
  return id === noTopic ? undefined : id;
}

function metadataOf(topic: string): VendorProtocol<string> {
  const call = { apiKey: 3, apiVersion: 10, apiName: "Metadata" };
  return flexibleProtocol(
    call,
    (body) =>
      body.arrayLength(1).raw(new Uint8Array(16)).string(topic).tags()
        .boolean(false).boolean(false).boolean(false),
    parseTopicId,
  );
}

/** Parses an answer about one topic from the header's tag buffer on. */
export function parseTopicId(bytes: Uint8Array): string {
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
  const [topic] = reader.array(() => {
    const errorCode = reader.int16();
    reader.string();
    const id = reader.raw(16).toHex();
    reader.raw(1); // is internal
    reader.array(() => {
      reader.int16();
      reader.int32();
      reader.int32();
      reader.int32();
      for (let list = 0; list < 3; list++) reader.array(() => reader.int32());
      reader.tags();
    });
    reader.int32();
    reader.tags();
    return { errorCode, id };
  });
  if (!topic) throw new RangeError("Metadata: the answer holds no topic");
  if (topic.errorCode !== 0) throw createErrorFromCode()(topic.errorCode);
  return topic.id;
}
