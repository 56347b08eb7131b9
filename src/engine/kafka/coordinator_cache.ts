/** Remembers coordinators for one producer's cluster; kafkajs asks for them anew before every step of a transaction. */
import type { VendorBroker, VendorCluster } from "./vendor.ts";

/**
 * From now on `findGroupCoordinator` of this cluster asks once per group or transactional id. Only for a cluster whose
 * producer is thrown away at the first error (the poison rule), since nothing else drops a stale entry.
 */
export function cacheCoordinators(cluster: VendorCluster): void {
  const known = new Map<string, VendorBroker>();
  const find = cluster.findGroupCoordinator.bind(cluster);
  cluster.findGroupCoordinator = async (options) => {
    const key = `${options.coordinatorType ?? 0}/${options.groupId}`;
    const cached = known.get(key);
    if (cached?.isConnected()) return cached;
    const broker = await find(options);
    known.set(key, broker);
    return broker;
  };
}
