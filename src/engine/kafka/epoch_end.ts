/** OffsetForLeaderEpoch version 4 (KIP-320), which kafkajs lacks: where the records of a leader's epoch end in the log. */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorProtocol } from "./vendor.ts";

/** The answer: both -1 where the log knows of no epoch so late. */
export interface EpochEnd {
  /** The latest epoch of the log at or below the one that was asked for. */
  readonly epoch: number;
  /** The offset behind its last record. */
  readonly endOffset: number;
}

/** To be sent to the partition's leader. Rejects with the partition's error. */
export function epochEnd(
  { topic, partition }: TopicPartition,
  epoch: number,
): VendorProtocol<EpochEnd> {
  const call = { apiKey: 23, apiVersion: 4, apiName: "OffsetForLeaderEpoch" };
  return flexibleProtocol(
    call,
    (body) =>
      body.int32(-1) // a consumer's
        .arrayLength(1).string(topic)
        .arrayLength(1).int32(partition).int32(-1).int32(epoch).tags()
        .tags(),
    parseEpochEnd,
  );
}

/** Parses an answer about one partition from the header's tag buffer on. */
export function parseEpochEnd(bytes: Uint8Array): EpochEnd {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const [found] = reader.array(() => {
    reader.string();
    const partitions = reader.array(() => {
      const errorCode = reader.int16();
      reader.int32();
      const epoch = reader.int32();
      const endOffset = Number(reader.int64());
      reader.tags();
      return { errorCode, epoch, endOffset };
    });
    reader.tags();
    return partitions;
  }).flat();
  if (!found) throw new RangeError("OffsetForLeaderEpoch: the answer holds no partition");
  if (found.errorCode !== 0) throw createErrorFromCode()(found.errorCode);
  return found;
}
