/**
 * TxnOffsetCommit from version 3 on, which says who of the group commits (KIP-447), and EndTxn in version 5, that of
 * transaction protocol 2 (KIP-890); kafkajs lacks both.
 */
import type { GroupMember } from "../core/ports.ts";
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
/** The first that names a member. */
const offsetsVersionOfProtocol1 = 3;

/** As whom these offsets are committed: kafkajs's `sendOffsets` hands the list of topics on as it is, and nothing beside it. */
const members = new WeakMap<VendorGroupOffsets["topics"], GroupMember>();

/** From now on these offsets are those of that member. */
export function commitAs(topics: VendorGroupOffsets["topics"], member: GroupMember): void {
  members.set(topics, member);
}

/**
 * Writes offsets in the transaction; under protocol 2 their partition joins it by that. Rejects with the first error of a
 * partition.
 */
export function txnOffsetCommit(
  { transactionalId, producerId, producerEpoch }: TransactionIdentity,
  { consumerGroupId, topics }: VendorGroupOffsets,
  protocol: 1 | 2,
): VendorProtocol<void> {
  const version = protocol === 2 ? apiVersion : offsetsVersionOfProtocol1;
  const call = { apiKey: 28, apiVersion: version, apiName: "TxnOffsetCommit" };
  // Without a member the coordinator takes them from anybody: for a group that has none, as the relay's.
  const { generationId, memberId } = members.get(topics) ?? { generationId: -1, memberId: "" };
  return flexibleProtocol(call, (body) => {
    body.string(transactionalId).string(consumerGroupId)
      .int64(producerId).int16(producerEpoch)
      .int32(generationId).string(memberId).string(null).arrayLength(topics.length);
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

/** Commits or aborts. Answers with the id and epoch of the next transaction. */
export function endTxn(
  { transactionalId, producerId, producerEpoch }: TransactionIdentity,
  outcome: "commit" | "abort",
): VendorProtocol<TransactionIdentity> {
  const call = { apiKey: 26, apiVersion, apiName: "EndTxn" };
  return flexibleProtocol(
    call,
    (body) =>
      body.string(transactionalId).int64(producerId).int16(producerEpoch)
        .boolean(outcome === "commit"),
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
