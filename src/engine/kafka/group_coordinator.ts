/** Where the coordinator of a member's group has gone. Asks once; whoever calls it tries again. */
import { getLogger } from "../packages/logtape.ts";
import { protocolErrorType } from "./error_verdict.ts";
import type { VendorCluster, VendorConsumerGroup } from "./vendor.ts";

const log = getLogger(["onceflow", "kafka", "group"]);

/** Whether another coordinator is to be found after that error, and not another generation of the group. */
export function isCoordinatorLost(error: unknown): boolean {
  const type = protocolErrorType(error);
  return type === undefined || type === "NOT_COORDINATOR_FOR_GROUP" ||
    type === "GROUP_COORDINATOR_NOT_AVAILABLE";
}

/** Leaves the group with the coordinator that it had where none can be found yet. */
export async function findCoordinator(
  cluster: VendorCluster,
  group: VendorConsumerGroup,
  groupId: string,
): Promise<void> {
  try {
    if (!cluster.isConnected()) await cluster.connect();
    await cluster.refreshMetadata();
    group.coordinator = await cluster.findGroupCoordinator({ groupId });
  } catch (error) {
    log.debug("The coordinator of {groupId} is not to be found yet: {error}", { groupId, error });
  }
}
