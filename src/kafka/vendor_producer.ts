/** kafkajs's producer and its transactions with the types that we rely on. Owns no behaviour. */
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

/** A transaction of kafkajs's producer. */
export interface VendorTransaction {
  sendBatch(batch: { topicMessages: { topic: string; messages: unknown[] }[] }): Promise<unknown>;
  sendOffsets(offsets: VendorGroupOffsets): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** kafkajs's producer. */
export interface VendorProducer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  transaction(): Promise<VendorTransaction>;
  sendBatch(batch: { topicMessages: { topic: string; messages: unknown[] }[] }): Promise<unknown>;
}

/** The factory of producers. */
export const createProducer = (): (options: Record<string, unknown>) => VendorProducer =>
  part("producer/index.js");
