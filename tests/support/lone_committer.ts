/** A committer for a lane that a test runs without a member of a group: its offsets are taken for as long as the group is empty. */
import { GroupCommitter } from "../../src/engine/core/group_committer.ts";
import { nobody } from "../../src/engine/kafka/offset_admin.ts";
import type { LanePlace, Transactions } from "../../src/engine/core/ports.ts";

/** To be disposed of by the caller. It owns that partition alone. */
export function loneCommitter(transactions: Transactions, lane: LanePlace): GroupCommitter {
  const committer = new GroupCommitter(lane.groupId, transactions, {
    recordsMax: 1_000,
    bytesMax: 1_000_000,
  });
  committer.resume(nobody, [lane]);
  return committer;
}
