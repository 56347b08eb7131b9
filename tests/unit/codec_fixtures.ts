/** Builds Fetch responses from kafkajs's own encoders, and decodes them with kafkajs's own decoders, to compare with. */
import { Buffer } from "node:buffer";
import Encoder from "kafkajs/src/protocol/encoder.js";
import recordUntyped from "kafkajs/src/protocol/recordBatch/record/v0/index.js";
import recordBatchUntyped from "kafkajs/src/protocol/recordBatch/v0/index.js";
import crcUntyped from "kafkajs/src/protocol/recordBatch/crc32C/index.js";
import v11 from "kafkajs/src/protocol/requests/fetch/v11/response.js";
import filterUntyped from "kafkajs/src/consumer/filterAbortedMessages.js";
import { WireWriter } from "../../src/engine/kafka/codec/wire_writer.ts";

/** A record as kafkajs's encoder takes it. */
export interface KafkajsRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Record<string, Buffer | string | (Buffer | string)[]>;
  readonly timestampDelta?: number;
  readonly offsetDelta?: number;
}

/** A batch to build. */
export interface BatchSpec {
  readonly baseOffset?: number;
  readonly lastOffsetDelta?: number;
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly firstSequence?: number;
  readonly transactional?: boolean;
  readonly control?: boolean;
  readonly logAppendTime?: boolean;
  /** kafkajs's number: 0 none, 1 gzip. */
  readonly compression?: number;
  readonly firstTimestamp?: number;
  readonly maxTimestamp?: number;
  readonly records: readonly KafkajsRecord[];
}

const CRC_AT = 17;
const ATTRIBUTES_AT = 21;

/** One batch by kafkajs's encoder; what that cannot set (offsets, flags) is patched in, and the checksum computed again. */
export async function kafkajsBatch(spec: BatchSpec): Promise<Buffer> {
  const { records } = spec;
  const encoded = await recordBatchUntyped.RecordBatch({
    compression: spec.compression ?? 0,
    firstTimestamp: spec.firstTimestamp ?? 1_700_000_000_000,
    maxTimestamp: spec.maxTimestamp ?? 1_700_000_000_000,
    lastOffsetDelta: spec.lastOffsetDelta ?? records.length - 1,
    transactional: spec.transactional ?? false,
    producerId: (spec.producerId ?? -1n).toString(),
    producerEpoch: spec.producerEpoch ?? 0,
    firstSequence: spec.firstSequence ?? 0,
    records: records.map((record, i) => recordUntyped({ offsetDelta: i, ...record })),
  });
  const bytes: Buffer = Buffer.from(encoded.buffer);
  bytes.writeBigInt64BE(BigInt(spec.baseOffset ?? 0), 0);
  const flags = (spec.control ? 0x20 : 0) | (spec.logAppendTime ? 0x08 : 0);
  bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES_AT) | flags, ATTRIBUTES_AT);
  return checksummed(bytes);
}

/** The batch with its checksum made right (by kafkajs's own function). */
export function checksummed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crcUntyped(batch.subarray(ATTRIBUTES_AT)) >>> 0, CRC_AT);
  return batch;
}

/** The marker that ends a transaction. */
export function marker(baseOffset: number, producerId: bigint, type: "abort" | "commit") {
  const key = Buffer.from([0, 0, 0, type === "abort" ? 0 : 1]);
  const value = Buffer.alloc(6);
  return kafkajsBatch({
    baseOffset,
    producerId,
    transactional: true,
    control: true,
    records: [{ key, value }],
  });
}

/** A transactional batch whose records have the given values, and null keys unless given. */
export function transactionalBatch(
  baseOffset: number,
  producerId: bigint,
  values: readonly string[],
  key: Buffer | null = null,
) {
  const records = values.map((value) => ({ key, value: Buffer.from(value) }));
  return kafkajsBatch({ baseOffset, producerId, transactional: true, records });
}

/** A partition's part of a response. */
export interface PartitionSpec {
  readonly topic?: string;
  readonly partition?: number;
  readonly errorCode?: number;
  readonly aborted?: readonly { producerId: bigint; firstOffset: number }[] | null;
  /** null for a null record set. */
  readonly set: Buffer | null;
}

/** Test topics have short names, and an id that spells the name. */
export function topicOf(id: string): string {
  return Buffer.from(id, "hex").toString().replaceAll("\0", "");
}

/** The body of a Fetch response of version 13, from its header's tag buffer on. */
export function fetchBody(partitions: readonly PartitionSpec[]): Buffer {
  const writer = new WireWriter().tags().int32(0).int16(0).int32(4711)
    .arrayLength(partitions.length);
  for (const { topic = "orders", partition = 3, errorCode = 0, aborted = [], set } of partitions) {
    writer.raw(Buffer.concat([Buffer.from(topic), Buffer.alloc(16)], 16)).arrayLength(1)
      .int32(partition).int16(errorCode).int64(1000n).int64(900n).int64(5n);
    if (aborted === null) writer.uvarint(0);
    else writer.arrayLength(aborted.length);
    for (const { producerId, firstOffset } of aborted ?? []) {
      writer.int64(producerId).int64(BigInt(firstOffset)).tags();
    }
    writer.int32(-1).nullableBytes(set).tags().tags();
  }
  return Buffer.from(writer.tags().finish());
}

/** The same as kafkajs asks for it. */
export function kafkajsFetchBody(partitions: readonly PartitionSpec[]): Buffer {
  const e = new Encoder().writeInt32(0).writeInt16(0).writeInt32(4711);
  e.writeInt32(partitions.length);
  for (const { topic = "orders", partition = 3, errorCode = 0, aborted = [], set } of partitions) {
    e.writeString(topic).writeInt32(1).writeInt32(partition).writeInt16(errorCode);
    e.writeInt64(1000).writeInt64(900).writeInt64(5);
    e.writeInt32(aborted?.length ?? -1);
    for (const { producerId, firstOffset } of aborted ?? []) {
      e.writeInt64(producerId.toString()).writeInt64(firstOffset);
    }
    e.writeInt32(-1).writeBytes(set);
  }
  return Buffer.from(e.buffer);
}

/** A record as kafkajs's decoder gives it. */
export interface KafkajsDecoded {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, Buffer | null | (Buffer | null)[]>;
  readonly isControlRecord: boolean;
}

/** A partition as kafkajs's decoder gives it. */
export interface KafkajsPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly { producerId: string; firstOffset: string }[];
  readonly messages: readonly KafkajsDecoded[];
}

/** The first partition as kafkajs decodes it. */
export async function kafkajsPartition(
  partitions: readonly PartitionSpec[],
): Promise<KafkajsPartition> {
  const decoded = await v11.decode(kafkajsFetchBody(partitions)) as {
    responses: { partitions: KafkajsPartition[] }[];
  };
  const partition = decoded.responses[0]?.partitions[0];
  if (!partition) throw new Error("no partition");
  return partition;
}

/** What kafkajs's own read_committed filter leaves, control records taken out as its consumer does. */
export function kafkajsCommitted(partition: KafkajsPartition): readonly KafkajsDecoded[] {
  const { messages, abortedTransactions } = partition;
  const kept: KafkajsDecoded[] = filterUntyped({ messages, abortedTransactions });
  return kept.filter((message) => !message.isControlRecord);
}
