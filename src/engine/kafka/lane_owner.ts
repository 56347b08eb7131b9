/** Finds out under which transactional ids a lane's transactions may be made at present. Fences nobody. */
import { transactionalIds } from "../core/delivery.ts";
import { delay } from "../core/delay.ts";
import type { LanePlace } from "../core/ports.ts";
import { describeGroup } from "./describe_group.ts";
import type { VendorCluster } from "./vendor.ts";

const pollMs = 100;
const waitMsMax = 60_000;

/** Those of the member that owns the partition; the partition's own where nobody does, since whoever takes it ends that. */
export async function transactionalIdsOf(
  cluster: VendorCluster,
  lane: LanePlace,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { groupId, topic, partition } = lane;
  const startedAt = performance.now();
  while (true) {
    const { state, members } = await describeGroup(cluster, groupId);
    if (!state.endsWith("Rebalance")) {
      const owned = members.map(({ assigned }) => assigned).find((places) =>
        places.some((place) => place.topic === topic && place.partition === partition)
      );
      return transactionalIds(groupId, owned ?? [lane]);
    }
    if (performance.now() - startedAt > waitMsMax) {
      throw new Error(`Cannot tell who owns ${topic}-${partition}: ${groupId} is in a rebalance`);
    }
    await delay(pollMs, signal);
  }
}
