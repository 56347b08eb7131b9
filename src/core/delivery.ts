/** The three guarantees as three orders of the same two steps: write the outputs, commit the offset. */
import { type Beginning, type Beginnings, topicIdMetadata } from "./beginnings.ts";
import { settledOffset } from "./settled_offset.ts";
import { assertNotBelow } from "./start_offset.ts";
import type { Assignment, CommittedOffset, Transactions } from "./ports.ts";
import type { OutputRecord } from "./record.ts";

/** Where a session of a lane starts, and how it makes a run's results count. */
export interface DeliverySession extends AsyncDisposable {
  /** The offset that the group has committed, read after everyone before us was shut out. */
  readonly start: CommittedOffset;
  /** The identity of the topic that is read, where it is known. */
  readonly topicId?: string;
  /** That the group has committed before, where it has no offset now. */
  readonly begun?: Beginning;
  /** Makes the outputs and the offset count. Throws `TransactionError`; then the session is over. */
  commit(outputs: readonly OutputRecord[], nextOffset: number): Promise<void>;
}

/** Opens sessions with one guarantee. */
export interface Delivery {
  readonly guarantee: "exactly-once" | "at-least-once" | "at-most-once";
  /** `known` is the highest offset that this lane has seen committed, or -1. */
  open(assignment: Assignment, known?: number): Promise<DeliverySession>;
}

/** A plain producer, for the guarantees weaker than exactly-once. */
export interface PlainProducer extends AsyncDisposable {
  /** Resolves once all replicas have the records. Throws `TransactionError`. */
  send(records: readonly OutputRecord[]): Promise<void>;
}

/**
 * Outputs and offset in one transaction. The transactional id is the input partition's own, so whoever takes the partition
 * fences whoever had it, and the stable offset read after that is exactly the committed prefix (KAFKAJS.md, row 8).
 * `beginnings` tells a group that lost its offset from a new one; without it both start at the start of the log.
 */
export function exactlyOnce(transactions: Transactions, beginnings?: Beginnings): Delivery {
  return {
    guarantee: "exactly-once",
    async open({ groupId, reader, signal }, known = -1) {
      const { topic, partition } = reader;
      const lane = { groupId, topic, partition };
      const transactor = await transactions.open(transactionalId(groupId, reader), signal);
      try {
        const topicId = await reader.topicId?.();
        const read = () => transactions.stableOffset(groupId, reader, signal);
        let start = await read();
        const begun = start.offset < 0 ? await beginnings?.find(lane, signal) : undefined;
        if (begun || start.offset < known) start = await settledOffset(read, signal);
        assertNotBelow(known, { ...lane, offset: start.offset });
        const metadata = topicIdMetadata(topicId);
        let notes = beginnings ? [beginnings.note(lane, { topicId: topicId ?? "" })] : [];
        return {
          ...{ start, topicId, begun },
          commit(records, offset) {
            const offsets = [{ ...lane, offset, metadata }];
            if (notes.length === 0) return transactor.commit({ records, offsets });
            const first = [...records, ...notes];
            notes = [];
            return transactor.commit({ records: first, offsets });
          },
          [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
        };
      } catch (error) {
        await transactor[Symbol.asyncDispose]();
        throw error;
      }
    },
  };
}

/** `<group>/<topic>/<partition>`: neither a topic nor a partition holds a slash, so ids of two lanes never meet. */
export function transactionalId(
  groupId: string,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): string {
  return `${groupId}/${topic}/${partition}`;
}

/** Outputs first, the offset after them: a crash between the two writes the outputs again. */
export function atLeastOnce(openProducer: () => Promise<PlainProducer>): Delivery {
  return {
    guarantee: "at-least-once",
    open: (assignment) =>
      plainSession(assignment, openProducer, async (producer, records, offset) => {
        if (records.length > 0) await producer.send(records);
        await assignment.commitOffset(offset);
      }),
  };
}

/** The offset first, outputs after it: a crash between the two loses the outputs. */
export function atMostOnce(openProducer: () => Promise<PlainProducer>): Delivery {
  return {
    guarantee: "at-most-once",
    open: (assignment) =>
      plainSession(assignment, openProducer, async (producer, records, offset) => {
        await assignment.commitOffset(offset);
        if (records.length > 0) await producer.send(records);
      }),
  };
}

async function plainSession(
  assignment: Assignment,
  openProducer: () => Promise<PlainProducer>,
  commit: (
    producer: PlainProducer,
    records: readonly OutputRecord[],
    offset: number,
  ) => Promise<void>,
): Promise<DeliverySession> {
  const producer = await openProducer();
  try {
    return {
      start: await assignment.committedOffset(),
      commit: (records, offset) => commit(producer, records, offset),
      [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
    };
  } catch (error) {
    await producer[Symbol.asyncDispose]();
    throw error;
  }
}
