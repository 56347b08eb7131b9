/** kafkajs's producer and its transactions with the types that we rely on. Owns no behaviour. */
import type { OutputRecord } from "../core/record.ts";
import { part } from "./vendor_copy.ts";

/** The state of a producer's ids and sequences. */
export interface VendorEosManager {
  /** Ours: true where transactions follow KIP-890. */
  usesProtocol2?(): boolean;
  initProducerId(): Promise<void>;
  getProducerId(): string;
  getProducerEpoch(): number;
  getTransactionalId(): string | undefined;
  getSequence(topic: string, partition: number): number;
  updateSequence(topic: string, partition: number, increment: number): void;
  isTransactional(): boolean;
  addPartitionsToTransaction(
    topicData: { topic: string; partitions: { partition: number }[] }[],
  ): Promise<void>;
  sendOffsets(offsets: VendorGroupOffsets): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** Offsets of one group, as they are committed. */
export interface VendorGroupOffsets {
  readonly consumerGroupId: string;
  readonly topics: {
    topic: string;
    partitions: { partition: number; offset: string; metadata?: string }[];
  }[];
}

/** What kafkajs hands from `sendBatch` on to the step that sends it: it merges those of one topic, and looks at no topic's name. */
export interface VendorBatch<M> {
  readonly topicMessages: readonly { readonly topic: string; readonly messages: readonly M[] }[];
}

/** All records as one: each names its own topic and partition, and they are grouped once, where they are sent. */
export function inOneBatch(records: readonly OutputRecord[]): VendorBatch<OutputRecord> {
  const [first] = records;
  return { topicMessages: first ? [{ topic: first.topic, messages: records }] : [] };
}

/** A transaction of kafkajs's producer. */
export interface VendorTransaction {
  sendBatch(batch: VendorBatch<OutputRecord>): Promise<unknown>;
  sendOffsets(offsets: VendorGroupOffsets): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** kafkajs's producer. */
export interface VendorProducer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  transaction(): Promise<VendorTransaction>;
  sendBatch(batch: VendorBatch<OutputRecord>): Promise<unknown>;
}

/** The factory of producers. */
export const createProducer = (): (options: Record<string, unknown>) => VendorProducer =>
  part("producer/index.js");
