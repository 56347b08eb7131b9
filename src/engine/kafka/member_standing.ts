/** What a member was given, and in which generation; whether its lanes may run on from one to the next. Asks nobody. */
import type { GroupMember } from "../core/ports.ts";
import type { OwnedPartitions } from "./assigner.ts";
import type { VendorConsumerGroup } from "./vendor.ts";

/** A member as the answer to SyncGroup left it. */
export interface MemberStanding extends OwnedPartitions {
  /** As whom to commit; absent before the first answer. */
  readonly member?: GroupMember;
}

/** Of a member that has not joined yet. */
export const noStanding: MemberStanding = { generation: -1, partitions: [] };

/** To be called once kafkajs has joined and has its assignment. */
export function standingOf(group: VendorConsumerGroup): MemberStanding & {
  readonly member: GroupMember;
} {
  const { generationId, memberId } = group;
  if (generationId === null || !memberId) throw new Error("kafkajs has joined without an id");
  const partitions = group.assigned()
    .flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })));
  return { generation: generationId, partitions, member: { generationId, memberId } };
}

/**
 * True where this member was in the generation before: then nobody else can have advanced a partition that it has in both.
 * In a generation that it missed, somebody may have.
 */
export function isUnbroken(before: MemberStanding, now: MemberStanding): boolean {
  return before.member !== undefined && before.member.memberId === now.member?.memberId &&
    now.generation === before.generation + 1;
}
