/** Refuses what `worker offsets show` was asked for by name and is not there, with what is. Pure. */
import type { GroupStanding } from "../engine/kafka/group_standing.ts";

/**
 * A group of onceflow's own may not be there yet: it is shown as it is.
 *
 * @throws {Error} naming the group or topic that is not there, and where to look
 */
export function refuseUnknown(
  standings: readonly GroupStanding[],
  named: { readonly group?: string; readonly topic?: string },
  ours: readonly string[],
): void {
  const { group, topic } = named;
  const unknown = standings.find(({ groupId, state, partitions }) =>
    groupId === group && !ours.includes(groupId) && state === "Dead" &&
    partitions.every(({ committed }) => committed < 0)
  );
  if (unknown) {
    throw new Error(
      `Cannot show group ${group}: there is no such group. Those of these settings (NAMESPACE) are ` +
        `${ours.join(", ")}; without --group all of them are shown`,
    );
  }
  const has = standings.some(({ partitions }) =>
    partitions.some((row) => row.topic === topic && row.log)
  );
  if (topic !== undefined && !has) {
    throw new Error(
      `Cannot show topic ${topic}: there is no such topic. Without --topic those are shown that ` +
        `the group has committed offsets for`,
    );
  }
}
