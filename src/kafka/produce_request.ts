/** Builds one Produce request (version 7) for kafkajs's connection from records that know their partition. */
import type { OutputRecord } from "../core/record.ts";
import { encodeProduceRequest } from "./codec/encode_produce_request.ts";
import { produceResponse, type VendorProtocol } from "./vendor.ts";
import type { VendorEosManager } from "./vendor_producer.ts";

/** The records of one partition that go into one record batch. */
export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly OutputRecord[];
}

const apiVersion = 7;
const produceTimeoutMs = 30_000;
const acksOfAllReplicas = -1;

/**
 * A request that writes each batch once, and takes its sequence numbers. `batches` holds at most one per partition.
 */
export function produceRequest(
  batches: readonly ProduceBatch[],
  eosManager: VendorEosManager,
): VendorProtocol<unknown> {
  const transactional = eosManager.isTransactional();
  const numbered = batches.map(({ topic, partition, records }) => {
    const firstSequence = eosManager.getSequence(topic, partition);
    eosManager.updateSequence(topic, partition, records.length);
    return { topic, partition, records, firstSequence };
  });
  const topics = [...Map.groupBy(numbered, ({ topic }) => topic)]
    .map(([topic, partitions]) => ({ topic, partitions }));
  return {
    request: {
      apiKey: 0,
      apiVersion,
      apiName: "Produce",
      // deno-lint-ignore require-await -- kafkajs awaits it
      encode: async () =>
        encodeProduceRequest({
          transactionalId: transactional ? eosManager.getTransactionalId() ?? null : null,
          producerId: BigInt(eosManager.getProducerId()),
          producerEpoch: eosManager.getProducerEpoch(),
          acks: acksOfAllReplicas,
          timeoutMs: produceTimeoutMs,
          timestampMs: Date.now(),
          topics,
        }, apiVersion),
    },
    response: produceResponse(),
    requestTimeout: produceTimeoutMs + 5_000,
  };
}
