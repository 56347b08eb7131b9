/** Builds one Produce request for kafkajs's connection from records that know their partition. */
import { encodedBytesOfAll, type OutputRecord } from "../core/record.ts";
import {
  encodeFlexibleProduce,
  FLEXIBLE_PRODUCE_VERSION,
} from "./codec/encode_flexible_produce.ts";
import { encodeProduceRequest, PRODUCE_VERSION_MAX } from "./codec/encode_produce_request.ts";
import { parseProduceAnswer } from "./produce_answer.ts";
import { answerBytes } from "./raw_protocol.ts";
import type { RecordClock } from "./record_clock.ts";
import type { VendorProtocol } from "./vendor.ts";
import type { VendorEosManager } from "./vendor_producer.ts";

/** The records of one partition that go into one record batch. */
export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly OutputRecord[];
}

const produceTimeoutMs = 30_000;
const acksOfAllReplicas = -1;

/**
 * A request that writes each batch once, and takes its sequence numbers. `batches` holds at most one per partition. Under
 * transaction protocol 2 it is version 12, by which the partitions join the transaction, else 8.
 */
export function produceRequest(
  batches: readonly ProduceBatch[],
  eosManager: VendorEosManager,
  clock: RecordClock,
): VendorProtocol<unknown> {
  const transactional = eosManager.isTransactional();
  const protocol2 = eosManager.usesProtocol2?.() ?? false;
  const numbered = batches.map(({ topic, partition, records }) => {
    const firstSequence = eosManager.getSequence(topic, partition);
    eosManager.updateSequence(topic, partition, records.length);
    return { topic, partition, records, firstSequence };
  });
  const topics = [...Map.groupBy(numbered, ({ topic }) => topic)]
    .map(([topic, partitions]) => ({ topic, partitions }));
  const request = () => ({
    transactionalId: transactional ? eosManager.getTransactionalId() ?? null : null,
    producerId: BigInt(eosManager.getProducerId()),
    producerEpoch: eosManager.getProducerEpoch(),
    acks: acksOfAllReplicas,
    timeoutMs: produceTimeoutMs,
    timestampMs: clock.now(),
    topics,
  });
  const apiVersion = protocol2 ? FLEXIBLE_PRODUCE_VERSION : PRODUCE_VERSION_MAX;
  return {
    request: {
      apiKey: 0,
      apiVersion,
      apiName: "Produce",
      // deno-lint-ignore require-await -- kafkajs awaits it
      encode: async () =>
        protocol2 ? encodeFlexibleProduce(request()) : encodeProduceRequest(request(), apiVersion),
    },
    response: {
      decode: (raw) => Promise.resolve(raw),
      // deno-lint-ignore require-await -- an error code rejects
      parse: async (raw) => {
        const encoding = protocol2 ? "compact" : "classic";
        try {
          return parseProduceAnswer(answerBytes("Produce", raw), clock, encoding);
        } catch (error) {
          throw withBatch(error, batches);
        }
      },
    },
    requestTimeout: produceTimeoutMs + 5_000,
  };
}

/** Adds to the error of a partition how large its batch was. */
function withBatch(error: unknown, batches: readonly ProduceBatch[]): unknown {
  if (!(error instanceof Error && "topic" in error && "partition" in error)) return error;
  const refused = batches.find(({ topic, partition }) =>
    topic === error.topic && partition === error.partition
  );
  if (!refused) return error;
  const { records } = refused;
  const batch = { records: records.length, bytes: encodedBytesOfAll(records) };
  return Object.assign(error, { batch });
}
