/** Leaves a group, within a bound: whatever hangs, the other members must not wait for a session to run out. */
import { getLogger } from "../packages/logtape.ts";
import { doneWithin } from "../core/delay.ts";
import type { KafkaClient } from "./kafka_client.ts";
import type { VendorConsumerGroup } from "./vendor.ts";

const log = getLogger(["onceflow", "kafka", "group"]);
const leaveMsMax = 700;

/**
 * Sends LeaveGroup and waits for the answer for a moment. Never rejects: where it does not arrive the session runs out.
 *
 * A broker takes the requests of one connection in turn. While an answer to JoinGroup is held back on the member's own,
 * the request goes over another.
 */
export async function leaveGroup(
  client: KafkaClient,
  group: VendorConsumerGroup,
  groupId: string,
  isJoining: boolean,
): Promise<void> {
  const { memberId } = group;
  if (!memberId) return;
  const leaving = isJoining ? leaveAside(client, groupId, memberId) : group.leave();
  try {
    if (await doneWithin(leaving, leaveMsMax)) return;
    leaving.catch(() => {});
    log.debug("The group did not answer in time; if it has not heard, the session will time out");
  } catch (error) {
    log.debug("Could not leave the group; its session will time out: {error}", { error });
  }
}

async function leaveAside(client: KafkaClient, groupId: string, memberId: string): Promise<void> {
  const cluster = client.cluster({ retries: 0 });
  try {
    await cluster.connect();
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    await coordinator.leaveGroup({ groupId, memberId });
  } finally {
    await cluster.disconnect();
  }
}
