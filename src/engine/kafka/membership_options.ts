/** What a member of a consumer group is asked for. */
import type { CommitterOwner } from "../core/committer.ts";
import type { Health } from "../core/health.ts";
import type { TopicPartition } from "../core/record.ts";
import type { LaneSetOptions } from "./lane_set.ts";

/** Settings of a member. */
export interface MembershipOptions extends LaneSetOptions {
  readonly topics: readonly string[];
  /** One member has the same partition of all topics. */
  readonly together?: boolean;
  /** The coordinator gives a silent member's partitions away after this long, milliseconds. */
  readonly sessionTimeoutMs: number;
  /** It halts when another kind of consumer sits in the group for longer, milliseconds; half a minute where absent. */
  readonly foreignMsMax?: number;
  /** Told what stands in the member's way, as `group:<id>`. */
  readonly health?: Health;
  /** Commits for all lanes; absent where each commits for itself. */
  readonly committer?: CommitterOwner;
  /** Told whenever the set of owned partitions may have changed. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
}
