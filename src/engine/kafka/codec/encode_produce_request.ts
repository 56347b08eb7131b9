/** Encodes the body of a Produce request. Owns the layout of versions 3 to 8, never sequences or retries. */
import { ByteWriter } from "./byte_writer.ts";
import { HEADER_BYTES_MAX } from "./frame_in_place.ts";
import { CodecError } from "./codec_error.ts";
import type { Compression } from "./compress.ts";
import { batchBytesExpected, writeRecordBatch } from "./encode_record_batch.ts";
import type { WritableRecord } from "./writable_record.ts";

/** The Produce versions written here: 3 brought message format 2, 7 zstd, 8 reasons in the answer; their bodies are the same. */
export const PRODUCE_VERSION_MIN = 3;
export const PRODUCE_VERSION_MAX = 8;

/** Records of one partition, and the sequence number of the first. */
export interface ProducePartition {
  readonly partition: number;
  readonly firstSequence: number;
  readonly records: readonly WritableRecord[];
}

/** A Produce request: one batch for each partition. */
export interface ProduceRequest {
  readonly transactionalId: string | null;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** -1 all in-sync replicas, 1 the leader, 0 none (and no answer). */
  readonly acks: number;
  readonly timeoutMs: number;
  readonly timestampMs: number;
  readonly compression?: Compression;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly ProducePartition[];
  }[];
}

/**
 * The request's body, sized once from the records. What it returns is for kafkajs's `request.encode()`, which takes it for
 * one of its encoders; with `frameInPlace` installed, kafkajs's header goes into the same memory.
 *
 * @throws {CodecError} for a version whose layout is another, or a partition without records
 */
export function encodeProduceRequest(request: ProduceRequest, apiVersion: number): ByteWriter {
  if (apiVersion < PRODUCE_VERSION_MIN || apiVersion > PRODUCE_VERSION_MAX) {
    throw new CodecError(
      "unsupported",
      `Cannot encode a Produce request of version ${apiVersion}: only ${PRODUCE_VERSION_MIN} to ${PRODUCE_VERSION_MAX}`,
    );
  }
  const writer = produceWriter(request);
  writer.string(request.transactionalId);
  writer.int16(request.acks);
  writer.int32(request.timeoutMs);
  writer.int32(request.topics.length);
  for (const { topic, partitions } of request.topics) {
    writer.string(topic);
    writer.int32(partitions.length);
    for (const partition of partitions) {
      writer.int32(partition.partition);
      const sizeAt = writer.position;
      writer.int32(0);
      writeBatchOf(writer, request, partition);
      writer.patchInt32(sizeAt, writer.position - sizeAt - 4);
    }
  }
  return writer;
}

/** The batch of one partition, in either layout of the request. */
export function writeBatchOf(
  writer: ByteWriter,
  { producerId, producerEpoch, transactionalId, timestampMs, compression }: ProduceRequest,
  { records, firstSequence }: ProducePartition,
): void {
  const transactional = transactionalId !== null;
  const producer = { producerId, producerEpoch, firstSequence, transactional };
  writeRecordBatch(writer, { records, ...producer, timestampMs, compression });
}

/** Sized for the request, with room in front for its header. */
export function produceWriter({ transactionalId, topics }: ProduceRequest): ByteWriter {
  let bytes = 32 + (transactionalId?.length ?? 0) * 3;
  for (const { topic, partitions } of topics) {
    bytes += 8 + topic.length * 3;
    // Twice, for the text that is staged behind a batch: memory that is never touched costs nothing.
    for (const { records } of partitions) bytes += 8 + 2 * batchBytesExpected(records);
  }
  return new ByteWriter(bytes, HEADER_BYTES_MAX);
}
