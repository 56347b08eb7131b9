/**
 * Sets an offset of a group for an operator. It never touches a group that is at work.
 *
 * A lane's offset may be written only by the member of the group that owns it (src/README.md), so the coordinator is asked to
 * take this one only while the group has no member. It goes under the id that is named after the partition: a lane that
 * starts meanwhile ends what is open there, and then reads what was set, or what was there.
 */
import { transactionalId } from "../core/delivery.ts";
import {
  type GroupMember,
  type LanePlace,
  TransactionError,
  type Transactions,
} from "../core/ports.ts";
import { formatOrigin } from "../core/offset_metadata.ts";
import { formatPartition, type OutputRecord, type TopicPartition } from "../core/record.ts";
import { describeGroup } from "./describe_group.ts";
import type { GroupDescription } from "./group_description.ts";
import { type PartitionStanding, showOffsets, withCluster } from "./group_standing.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { laneCheckpointsTopic, openLaneCheckpoints } from "./lane_checkpoints.ts";
import { fetchTopicId } from "./topic_id.ts";
import { ensureTopics } from "./topics.ts";

/** An offset to set. */
export interface OffsetTarget extends TopicPartition {
  readonly groupId: string;
  readonly to: number | "earliest" | "latest";
  /** Metadata to commit with it, before the identity of the topic. Where absent, an unbounded offset keeps the metadata that it has. */
  readonly metadata?: string;
  /** The offset counts something else than this topic's records, as the relay's cursor does: no bounds to check. */
  readonly unbounded?: boolean;
}

/** What setting changes. */
export interface OffsetChange extends OffsetTarget {
  readonly before: PartitionStanding;
  readonly after: number;
  readonly metadataAfter: string;
  /** There is no such group yet; setting makes it. */
  readonly newGroup: boolean;
}

/** Setting was refused; nothing was changed. The message says why and what to do. */
export class OffsetRefusedError extends Error {
  /** Its name: `OffsetRefusedError`. */
  override name = "OffsetRefusedError";
}

/**
 * What setting would change. Writes nothing and fences nobody.
 *
 * @throws {OffsetRefusedError} when the group has members, a transaction is pending, or the offset is outside the log
 */
export async function planOffset(client: KafkaClient, target: OffsetTarget): Promise<OffsetChange> {
  const { groupId, topic, partition, to } = target;
  const standing = await showOffsets(client, groupId, [topic]);
  const before = standing.partitions.find((row) =>
    row.topic === topic && row.partition === partition
  );
  const name = formatPartition(target);
  if (!before?.log) throw noSuchPartition(name, standing.partitions, topic);
  refuseWhileActive(standing);
  const newGroup = standing.state === "Dead";
  if (before.pending) {
    throw new OffsetRefusedError(
      `Cannot set ${name} of ${groupId}: a transaction is open that moves this offset. A worker is ` +
        `at work, or was killed; in that case wait until the transaction times out ` +
        `(TRANSACTION_TIMEOUT_MS)`,
    );
  }
  const { start, stableEnd } = before.log;
  const after = to === "earliest" ? start : to === "latest" ? stableEnd : to;
  if (target.unbounded && typeof to !== "number") {
    throw new OffsetRefusedError(
      `Cannot set ${name} to ${to}: this offset counts positions of the outbox, not records. ` +
        `Name a number`,
    );
  }
  if (!target.unbounded && (after < start || after > stableEnd)) {
    throw new OffsetRefusedError(
      `Cannot set ${name} to ${after}: the log holds ${start} to ${stableEnd}`,
    );
  }
  if (target.unbounded) {
    const metadataAfter = target.metadata ?? before.metadata;
    return { ...target, before, after, metadataAfter, newGroup };
  }
  // It names the topic as it is now, and nothing that was read of it: the operator has decided, and a lane must not halt
  // on it again.
  const topicId = await withCluster(client, (cluster) => fetchTopicId(cluster, topic));
  const words = [target.metadata, formatOrigin({ topicId })].filter((word) => word);
  return { ...target, before, after, metadataAfter: words.join(" "), newGroup };
}

/**
 * Commits a planned change under the id that is named after the partition.
 *
 * @throws {OffsetRefusedError} when the offset is not the planned `before` any more, or the group has members now
 * @throws {TransactionError} when somebody took the id over, or the outcome is not known: look again
 */
export async function applyOffset(
  client: KafkaClient,
  transactions: Transactions,
  { groupId, topic, partition, before, after: offset, metadataAfter: metadata, unbounded }:
    OffsetChange,
  signal?: AbortSignal,
): Promise<void> {
  const place = { topic, partition };
  await using transactor = await transactions.open(transactionalId(groupId, place), signal);
  // Nobody can move it now without fencing us, and then the commit below is refused.
  const now = await transactions.stableOffset(groupId, place, signal);
  if (now.offset !== before.committed) {
    throw new OffsetRefusedError(
      `Cannot set ${formatPartition(place)}: it moved from ${before.committed} to ${now.offset} ` +
        `meanwhile, so a worker is at work. Stop it and look again`,
    );
  }
  refuseWhileActive({
    groupId,
    ...await withCluster(client, (cluster) => describeGroup(cluster, groupId)),
  });
  const records = unbounded ? [] : [await noteOf(client, { groupId, ...place }, offset)];
  const offsets = [{ groupId, ...place, offset, metadata }];
  await transactor.commit({ records, offsets, member: nobody }).catch((error) => {
    if (!(error instanceof TransactionError) || error.verdict !== "left-behind") throw error;
    throw new OffsetRefusedError(
      `Cannot set ${
        formatPartition(place)
      }: a worker has joined ${groupId} meanwhile. Stop it and ` +
        `look again`,
      { cause: error },
    );
  });
}

/**
 * A name that no member has, without a generation: the coordinator takes it while the group is empty, and not after
 * that.
 */
export const nobody: GroupMember = { generationId: -1, memberId: "onceflow-offsets-set" };

/** The lane must find its own checkpoint at the offset that was set, or it would halt. */
async function noteOf(client: KafkaClient, lane: LanePlace, offset: number): Promise<OutputRecord> {
  await ensureTopics(client, [laneCheckpointsTopic(client.names, -1)]);
  const topicId = await withCluster(client, (cluster) => fetchTopicId(cluster, lane.topic));
  await using checkpoints = openLaneCheckpoints(client);
  return checkpoints.record(lane, { topicId: topicId ?? "", offset });
}

function noSuchPartition(
  name: string,
  partitions: readonly PartitionStanding[],
  topic: string,
): OffsetRefusedError {
  const there = partitions.filter((row) => row.topic === topic && row.log).length;
  return new OffsetRefusedError(
    `Cannot set ${name}: there is no such partition; ` +
      (there > 0
        ? `topic ${topic} has ${there} (0 to ${there - 1})`
        : `there is no topic ${topic}. "deno task worker offsets show" lists what a group reads`),
  );
}

function refuseWhileActive(
  { groupId, members }: GroupDescription & { readonly groupId: string },
): void {
  if (members.length === 0) return;
  const who = members.slice(0, 5).map(({ clientId, host }) => `${clientId} at ${host}`);
  throw new OffsetRefusedError(
    `Cannot set an offset of ${groupId}: the group has ${members.length} active member(s) ` +
      `(${who.join(", ")}). Stop its workers first; one that was killed counts until its session ` +
      `times out (SESSION_TIMEOUT_MS)`,
  );
}
