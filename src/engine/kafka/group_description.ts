/** Who is in a consumer group, whatever protocol its members speak. */
import type { TopicPartition } from "../core/record.ts";

/** A member of a group, as its coordinator describes it. */
export interface DescribedMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
  /** `group.instance.id` of a static member. */
  readonly instanceId?: string;
  /** What it was given; empty while a rebalance is under way. */
  readonly assigned: readonly TopicPartition[];
}

/** A group as its coordinator describes it. */
export interface GroupDescription {
  /** `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, or `Dead` for a group that is not there. */
  readonly state: string;
  readonly members: readonly DescribedMember[];
  /** How they share partitions: the assignor of the classic protocol, `consumer` for the newer one; empty without members. */
  readonly protocol: string;
  /** What this client may do with it, as bits (KIP-430). */
  readonly operations?: number;
}
