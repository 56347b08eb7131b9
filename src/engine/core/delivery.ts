/** The three guarantees as three orders of the same two steps: write the outputs, commit the offset. */
import type { Clock } from "./clock.ts";
import type { LaneCheckpoint, LaneCheckpoints } from "./lane_checkpoints.ts";
import { formatOrigin, type OffsetOrigin, parseOrigin } from "./offset_metadata.ts";
import { offsetNotBelow } from "./known_offset.ts";
import type { Committer } from "./committer.ts";
import type { Assignment, CommittedOffset } from "./ports.ts";
import type { OutputRecord, TopicPartition } from "./record.ts";

/** Where a session of a lane starts, and how it makes a batch's results count. */
export interface DeliverySession extends AsyncDisposable {
  /** The offset that the group has committed, read after everyone before us was shut out. */
  readonly start: CommittedOffset;
  /** The identity of the topic that is read, where it is known. */
  readonly topicId?: string;
  /** The checkpoint of this lane by its own transactions. */
  readonly checkpoint?: LaneCheckpoint;
  /** Makes the outputs and the offset count. Throws `TransactionError`; then the session is over. */
  commit(
    outputs: readonly OutputRecord[],
    nextOffset: number,
    beside?: Pick<OffsetOrigin, "state" | "changelog">,
  ): Promise<void>;
}

/** What holds of a flow's outputs when a process dies. */
export type Guarantee = "exactly-once" | "at-least-once" | "at-most-once";

/** Opens sessions with one guarantee. */
export interface Delivery {
  readonly guarantee: Guarantee;
  /** `known` is the highest offset that this lane has seen committed, or -1. */
  open(assignment: Assignment, known?: number): Promise<DeliverySession>;
}

/** A plain producer, for the guarantees weaker than exactly-once. */
export interface PlainProducer extends AsyncDisposable {
  /** Resolves once all replicas have the records. Throws `TransactionError`. */
  send(records: readonly OutputRecord[]): Promise<void>;
}

/**
 * Outputs and offset in one transaction, which the lanes of a member share. Only the member that owns the partition in the
 * group's present generation can commit, and the stable offset that is read once it owns it is exactly the committed prefix
 * (the argument is in src/README.md). `checkpoints` tell a group that lost its offset from a new one, and an offset that was
 * overwritten from the present one; without them both are believed.
 */
export function exactlyOnce(
  committer: Committer,
  checkpoints?: LaneCheckpoints,
  clock?: Clock,
): Delivery {
  /** Those whose partition nobody else can write for any more. */
  const taken = new WeakSet<Assignment>();
  return {
    guarantee: "exactly-once",
    async open(assignment, known = -1) {
      const { groupId, reader, signal } = assignment;
      const { topic, partition } = reader;
      const lane = { groupId, topic, partition };
      const ticket = await committer.ready(signal);
      if (!taken.has(assignment)) await committer.takeOver(lane, signal);
      taken.add(assignment);
      const topicId = await reader.topicId?.();
      const read = () => committer.stableOffset(lane, signal);
      const answer = await read();
      const checkpoint = await checkpoints?.find(lane, { all: answer.offset < 0, signal });
      const ofThisTopic = topicId === undefined || checkpoint?.topicId === topicId;
      const floor = Math.max(known, checkpoint && ofThisTopic ? checkpoint.offset : -1);
      const start = await offsetNotBelow(floor, lane, answer, read, signal, clock);
      let hasCheckpoint = checkpoint !== undefined && ofThisTopic;
      if (checkpoints && start.offset >= 0 && countsIn(topicId, parseOrigin(start.metadata))) {
        const standing = { topicId: topicId ?? "", offset: start.offset };
        // None, although there is an offset: the checkpoints were deleted, or are younger than the offset.
        if (checkpoint === undefined) checkpoints.committed(lane, standing);
        checkpoints.keep?.(lane, standing);
      }
      return {
        ...{ start, topicId, checkpoint },
        async commit(records, offset, beside) {
          const metadata = formatOrigin({ topicId, mark: reader.mark, ...beside });
          const plan = { offset: { ...lane, offset, metadata }, ticket, signal };
          if (!checkpoints) return await committer.commit({ ...plan, records });
          const reached = { topicId: topicId ?? "", offset };
          const all = hasCheckpoint ? records : [...records, checkpoints.record(lane, reached)];
          await committer.commit({ ...plan, records: all });
          if (hasCheckpoint) checkpoints.committed(lane, reached);
          else checkpoints.keep?.(lane, reached);
          hasCheckpoint = true;
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  };
}

/**
 * `<group>/<topic>/<partition>`: neither a topic nor a partition holds a slash, so ids of two partitions never meet. Whoever
 * owns the partition owns the id.
 */
export function transactionalId(
  groupId: string,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): string {
  return `${groupId}/${topic}/${partition}`;
}

/** Those of several partitions, by topic and number: whoever owns them uses the first that may be used. */
export function transactionalIds(groupId: string, owned: readonly TopicPartition[]): string[] {
  return owned.toSorted((a, b) =>
    a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition
  ).map((place) => transactionalId(groupId, place));
}

/** The offset counts in this topic. */
function countsIn(topicId: string | undefined, origin: OffsetOrigin): boolean {
  return topicId !== undefined && origin.topicId === topicId;
}

/** Outputs first, the offset after them: a crash between the two writes the outputs again. */
export function atLeastOnce(openProducer: () => Promise<PlainProducer>): Delivery {
  return {
    guarantee: "at-least-once",
    open: (assignment) =>
      plainSession(assignment, openProducer, async (producer, records, commitOffset) => {
        if (records.length > 0) await producer.send(records);
        await commitOffset();
      }),
  };
}

/** The offset first, outputs after it: a crash between the two loses the outputs. */
export function atMostOnce(openProducer: () => Promise<PlainProducer>): Delivery {
  return {
    guarantee: "at-most-once",
    open: (assignment) =>
      plainSession(assignment, openProducer, async (producer, records, commitOffset) => {
        await commitOffset();
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
    commitOffset: () => Promise<void>,
  ) => Promise<void>,
): Promise<DeliverySession> {
  const { reader } = assignment;
  const producer = await openProducer();
  try {
    const topicId = await reader.topicId?.();
    return {
      start: await assignment.committedOffset(),
      topicId,
      commit: (records, offset) =>
        commit(
          producer,
          records,
          () => assignment.commitOffset(offset, formatOrigin({ topicId, mark: reader.mark })),
        ),
      [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
    };
  } catch (error) {
    await producer[Symbol.asyncDispose]();
    throw error;
  }
}
