/** Finds the broker that coordinates a transactional id: kafkajs's cluster looks for both kinds by the name of a group. */
import type { VendorBroker, VendorCluster } from "./vendor.ts";

const ofTransactions = 1;

/** Rejects with the broker's error where there is none. */
export function findTransactionCoordinator(
  cluster: VendorCluster,
  transactionalId: string,
): Promise<VendorBroker> {
  return cluster.findGroupCoordinator({
    groupId: transactionalId,
    coordinatorType: ofTransactions,
  });
}
