/** TxnOffsetCommit and EndTxn in version 5, those of transaction protocol 2 (KIP-890), which kafkajs lacks. */
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorProtocol } from "./vendor.ts";
import type { VendorGroupOffsets } from "./vendor_producer.ts";

/** Who writes; every transaction of protocol 2 has an epoch of its own. */
export interface TransactionIdentity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

const apiVersion = 5;

/** Writes offsets in the transaction, which their partition joins by it. Rejects with the first error of a partition. */
export function txnOffsetCommit(
  { transactionalId, producerId, producerEpoch }: TransactionIdentity,
  { consumerGroupId, topics }: VendorGroupOffsets,
): VendorProtocol<void> {
  const call = { apiKey: 28, apiVersion, apiName: "TxnOffsetCommit" };
  return flexibleProtocol(call, (body) => {
    body.string(transactionalId).string(consumerGroupId)
      .int64(producerId).int16(producerEpoch)
      // No generation and no member: the transactional id is the partition's own, and fences by itself.
      .int32(-1).string("").string(null).arrayLength(topics.length);
    for (const { topic, partitions } of topics) {
      body.string(topic).arrayLength(partitions.length);
      for (const { partition, offset, metadata } of partitions) {
        body.int32(partition).int64(BigInt(offset)).int32(-1).string(metadata ?? null).tags();
      }
      body.tags();
    }
    return body;
  }, parseTxnOffsetCommit);
}

/** Parses an answer from the header's tag buffer on. Throws the first error of a partition. */
export function parseTxnOffsetCommit(bytes: Uint8Array): void {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  reader.array(() => {
    const topic = reader.string() ?? "";
    reader.array(() => {
      reader.int32();
      throwIfError(reader.int16(), { topic });
      reader.tags();
    });
    reader.tags();
  });
}

/** Commits. Answers with the id and epoch of the next transaction. */
export function endTxn(
  { transactionalId, producerId, producerEpoch }: TransactionIdentity,
): VendorProtocol<TransactionIdentity> {
  const call = { apiKey: 26, apiVersion, apiName: "EndTxn" };
  return flexibleProtocol(
    call,
    (body) => body.string(transactionalId).int64(producerId).int16(producerEpoch).boolean(true),
    (bytes) => ({ transactionalId, ...parseEndTxn(bytes) }),
  );
}

/** Parses an answer from the header's tag buffer on. Throws its error. */
export function parseEndTxn(bytes: Uint8Array): { producerId: bigint; producerEpoch: number } {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  throwIfError(reader.int16());
  return { producerId: reader.int64(), producerEpoch: reader.int16() };
}

function throwIfError(code: number, names: { readonly topic?: string } = {}): void {
  if (code !== 0) throw Object.assign(createErrorFromCode()(code), names);
}
