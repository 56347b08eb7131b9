/** Encodes the body of a Produce request of version 12 (KIP-890): the fields of version 7 in the compact encodings of KIP-482. */
import { batchBytesExpected } from "./encode_record_batch.ts";
import { type ProduceRequest, produceWriter, writeBatchOf } from "./encode_produce_request.ts";
import { type ByteWriter, uvarintBytes } from "./byte_writer.ts";

/** The one version that is written; with it the broker takes the partitions into the transaction itself. */
export const FLEXIBLE_PRODUCE_VERSION = 12;

/**
 * As `encodeProduceRequest`. It starts with the empty tag buffer that ends a flexible request header: kafkajs does not
 * write one.
 *
 * @throws {CodecError} for a partition without records
 */
export function encodeFlexibleProduce(request: ProduceRequest): ByteWriter {
  const writer = produceWriter(request);
  writeTags(writer);
  writeString(writer, request.transactionalId);
  writer.int16(request.acks);
  writer.int32(request.timeoutMs);
  writeLength(writer, request.topics.length);
  for (const { topic, partitions } of request.topics) {
    writeString(writer, topic);
    writeLength(writer, partitions.length);
    for (const partition of partitions) {
      writer.int32(partition.partition);
      writeSized(writer, batchBytesExpected(partition.records), () => {
        writeBatchOf(writer, request, partition);
      });
      writeTags(writer);
    }
    writeTags(writer);
  }
  writeTags(writer);
  return writer;
}

/** What `write` appends, behind its length; guessed first, so that most often nothing has to move for it. */
function writeSized(writer: ByteWriter, bytesExpected: number, write: () => void): void {
  const lengthAt = writer.position;
  const room = uvarintBytes(bytesExpected + 1);
  writer.reserve(room);
  writer.position += room;
  write();
  const end = writer.position;
  const bytes = end - lengthAt - room;
  const needed = uvarintBytes(bytes + 1);
  if (needed > room) writer.reserve(needed - room);
  if (needed !== room) writer.memory.copyWithin(lengthAt + needed, lengthAt + room, end);
  writer.position = lengthAt;
  writeLength(writer, bytes);
  writer.position = end + needed - room;
}

/** Compact lengths are one more than they count; 0 stands for null. */
function writeLength(writer: ByteWriter, length: number): void {
  writer.uvarint(length + 1);
}

function writeString(writer: ByteWriter, value: string | null): void {
  if (value === null) return writeLength(writer, -1);
  writeSized(writer, value.length, () => writer.text(value));
}

function writeTags(writer: ByteWriter): void {
  writeLength(writer, -1);
}
