/** DescribeProducers, DescribeTransactions and ListTransactions (KIP-664), which kafkajs lacks. Changes nothing. */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import type { VendorProtocol } from "./vendor.ts";

/** A transaction that a partition holds open, as its leader describes it. */
export interface OpenTransaction extends TopicPartition {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The coordinator's epoch at the producer's last marker in this partition, or -1. */
  readonly coordinatorEpoch: number;
  readonly lastSequence: number;
  /** When its last record was written, by the producer's clock: milliseconds since the epoch. */
  readonly lastTimestamp: number;
  readonly startOffset: number;
}

/** What the leader answered for one partition; its error is the caller's to judge. */
export interface PartitionProducers extends TopicPartition {
  readonly errorCode: number;
  readonly open: readonly OpenTransaction[];
}

/** Asks a leader which transactions its partitions hold open. Needs the right to read the topic. */
export function describeProducers(
  partitions: readonly TopicPartition[],
): VendorProtocol<PartitionProducers[]> {
  const call = { apiKey: 61, apiVersion: 0, apiName: "DescribeProducers" };
  const topics = Map.groupBy(partitions, ({ topic }) => topic);
  return flexibleProtocol(call, (body) => {
    body.arrayLength(topics.size);
    for (const [topic, places] of topics) {
      body.string(topic).arrayLength(places.length);
      for (const { partition } of places) body.int32(partition);
      body.tags();
    }
    return body;
  }, parseDescribeProducers);
}

/** Parses an answer from the header's tag buffer on. */
export function parseDescribeProducers(bytes: Uint8Array): PartitionProducers[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  return reader.array(() => {
    const topic = reader.string() ?? "";
    const partitions = reader.array((): PartitionProducers => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      reader.string(); // its message
      const producers = reader.array((): OpenTransaction => {
        const producerId = reader.int64();
        const producerEpoch = reader.int32();
        const lastSequence = reader.int32();
        const lastTimestamp = Number(reader.int64());
        const coordinatorEpoch = reader.int32();
        const startOffset = Number(reader.int64());
        reader.tags();
        return {
          ...{ topic, partition, producerId, producerEpoch, coordinatorEpoch },
          ...{ lastSequence, lastTimestamp, startOffset },
        };
      });
      reader.tags();
      return {
        ...{ topic, partition, errorCode },
        open: producers.filter(({ startOffset }) => startOffset >= 0),
      };
    });
    reader.tags();
    return partitions;
  }).flat();
}

/** A transactional id as its coordinator describes it. */
export interface TransactionState {
  readonly errorCode: number;
  readonly transactionalId: string;
  /** `Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit`, `CompleteAbort`, `PrepareEpochFence`, `Dead`. */
  readonly state: string;
  readonly timeoutMs: number;
  /** When its present or last transaction began: milliseconds since the epoch, or -1. */
  readonly startedAt: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Of the transaction at hand; none once it is complete. */
  readonly partitions: readonly TopicPartition[];
}

/** Asks the coordinator of these ids. Needs the right to describe each. */
export function describeTransactions(
  transactionalIds: readonly string[],
): VendorProtocol<TransactionState[]> {
  const call = { apiKey: 65, apiVersion: 0, apiName: "DescribeTransactions" };
  return flexibleProtocol(call, (body) => {
    body.arrayLength(transactionalIds.length);
    for (const id of transactionalIds) body.string(id);
    return body;
  }, parseDescribeTransactions);
}

/** Parses an answer from the header's tag buffer on. */
export function parseDescribeTransactions(bytes: Uint8Array): TransactionState[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  return reader.array((): TransactionState => {
    const errorCode = reader.int16();
    const transactionalId = reader.string() ?? "";
    const state = reader.string() ?? "";
    const timeoutMs = reader.int32();
    const startedAt = Number(reader.int64());
    const producerId = reader.int64();
    const producerEpoch = reader.int16();
    const partitions = reader.array(() => {
      const topic = reader.string() ?? "";
      const numbers = reader.array(() => reader.int32());
      reader.tags();
      return numbers.map((partition) => ({ topic, partition }));
    }).flat();
    reader.tags();
    return {
      ...{ errorCode, transactionalId, state, timeoutMs, startedAt },
      ...{ producerId, producerEpoch, partitions },
    };
  });
}

/** The id that a producer id belongs to. */
export interface ListedTransaction {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly state: string;
}

/** What one broker says of the ids that it coordinates. */
export interface ListedTransactions {
  /** Where it is loading, what it says is not all. */
  readonly errorCode: number;
  readonly listed: readonly ListedTransaction[];
}

/** Asks one broker which of the ids that it coordinates have these producer ids; of all where none is named. */
export function listTransactions(
  producerIds: readonly bigint[],
): VendorProtocol<ListedTransactions> {
  const call = { apiKey: 66, apiVersion: 0, apiName: "ListTransactions" };
  return flexibleProtocol(call, (body) => {
    body.arrayLength(0).arrayLength(producerIds.length); // in any state
    for (const id of producerIds) body.int64(id);
    return body;
  }, parseListTransactions);
}

/** Parses an answer from the header's tag buffer on. */
export function parseListTransactions(bytes: Uint8Array): ListedTransactions {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const errorCode = reader.int16();
  reader.array(() => reader.string()); // states that it does not know
  const listed = reader.array(() => {
    const transactionalId = reader.string() ?? "";
    const producerId = reader.int64();
    const state = reader.string() ?? "";
    reader.tags();
    return { transactionalId, producerId, state };
  });
  return { errorCode, listed };
}
