/** Builds one Produce request (version 7) for kafkajs's connection from records that know their partition. */
import { Buffer } from "node:buffer";
import type { OutputRecord } from "../core/record.ts";
import { encodeRecordBatch } from "./codec/encode_record_batch.ts";
import {
  encoderClass,
  produceResponse,
  type VendorEosManager,
  type VendorProtocol,
} from "./vendor.ts";

/** The records of one partition that go into one record batch. */
export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly OutputRecord[];
}

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
  const now = Date.now();
  const encoded = batches.map(({ topic, partition, records }) => {
    const firstSequence = eosManager.getSequence(topic, partition);
    eosManager.updateSequence(topic, partition, records.length);
    const bytes = encodeRecordBatch({
      records,
      producerId: BigInt(eosManager.getProducerId()),
      producerEpoch: eosManager.getProducerEpoch(),
      firstSequence,
      transactional,
      timestampMs: now,
    });
    return { topic, partition, bytes };
  });
  const transactionalId = transactional ? eosManager.getTransactionalId() ?? null : null;
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: "Produce",
      // deno-lint-ignore require-await -- kafkajs awaits it
      encode: async () => {
        const Encoder = encoderClass();
        const encoder = new Encoder();
        encoder.writeBufferInternal(produceBody(transactionalId, encoded));
        return encoder;
      },
    },
    response: produceResponse(),
    requestTimeout: produceTimeoutMs + 5_000,
  };
}

/** `transactional_id acks timeout [topic [partition record_set]]`, as in the protocol guide for Produce v3 to v8. */
function produceBody(
  transactionalId: string | null,
  batches: readonly { topic: string; partition: number; bytes: Uint8Array }[],
): Buffer {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  const pieces: Uint8Array[] = [
    nullableString(transactionalId),
    int16(acksOfAllReplicas),
    int32(produceTimeoutMs),
    int32(topics.size),
  ];
  for (const [topic, partitions] of topics) {
    pieces.push(nullableString(topic), int32(partitions.length));
    for (const { partition, bytes } of partitions) {
      pieces.push(int32(partition), int32(bytes.length), bytes);
    }
  }
  return Buffer.concat(pieces);
}

function int16(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function nullableString(value: string | null): Buffer {
  if (value === null) return int16(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}
