/** OffsetFetch version 7 (KIP-447), which kafkajs lacks: how it is asked for, and how its answer is read. */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorProtocol } from "./vendor.ts";

/** One partition of an answer; its error is the caller's to judge. */
export interface FetchedOffset extends TopicPartition {
  /** The next offset to read, -1 where there is none. */
  readonly offset: number;
  readonly metadata: string;
  readonly errorCode: number;
}

/** Asks for one partition, or for all that the group has committed where `partition` is undefined. */
export function offsetFetch(
  groupId: string,
  partition: TopicPartition | undefined,
  requireStable: boolean,
): VendorProtocol<FetchedOffset[]> {
  const call = { apiKey: 9, apiVersion: 7, apiName: "OffsetFetch" };
  return flexibleProtocol(call, (body) => {
    body.string(groupId);
    if (partition === undefined) body.uvarint(allTopics);
    else {
      body.arrayLength(1).string(partition.topic)
        .arrayLength(1).int32(partition.partition).tags();
    }
    return body.boolean(requireStable);
  }, parseOffsetFetch);
}

const allTopics = 0;

/** Parses an answer from the header's tag buffer on. Throws the group's error. */
export function parseOffsetFetch(bytes: Uint8Array): FetchedOffset[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const topics = reader.array(() => {
    const topic = reader.string() ?? "";
    const partitions = reader.array(() => {
      const partition = reader.int32();
      const offset = Number(reader.int64());
      reader.int32(); // leader epoch
      const metadata = reader.string() ?? "";
      const errorCode = reader.int16();
      reader.tags();
      return { topic, partition, offset, metadata, errorCode };
    });
    reader.tags();
    return partitions;
  });
  const errorCode = reader.int16();
  if (errorCode !== 0) throw createErrorFromCode()(errorCode);
  return topics.flat();
}
