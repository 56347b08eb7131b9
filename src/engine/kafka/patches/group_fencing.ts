/**
 * Has kafkajs's brokers send TxnOffsetCommit in the version that says who of the group commits (KIP-447): under transaction
 * protocol 1, where kafkajs's own `sendOffsets` calls them. The group's coordinator then refuses a member that it has given
 * up.
 */
import { txnOffsetCommit } from "../transaction_requests.ts";
import { brokerClass, type VendorBroker } from "../vendor.ts";
import type { VendorGroupOffsets } from "../vendor_producer.ts";

/** What kafkajs asks its broker for. */
interface OffsetsRequest {
  readonly transactionalId: string;
  readonly groupId: string;
  readonly producerId: string | number;
  readonly producerEpoch: number;
  readonly topics: VendorGroupOffsets["topics"];
}

/** @throws when kafkajs's broker has no such request */
export function patchGroupFencing(): void {
  const { prototype } = brokerClass();
  if (typeof prototype.txnOffsetCommit !== "function") {
    throw new Error("Cannot patch kafkajs: its broker has no txnOffsetCommit");
  }
  prototype.txnOffsetCommit = async function (
    this: VendorBroker,
    { transactionalId, groupId, producerId, producerEpoch, topics }: OffsetsRequest,
  ) {
    const identity = { transactionalId, producerId: BigInt(producerId), producerEpoch };
    await this.connectionPool.send(
      txnOffsetCommit(identity, { consumerGroupId: groupId, topics }, 1),
    );
  };
}
