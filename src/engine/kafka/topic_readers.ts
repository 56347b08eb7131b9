/** Which consumer groups read a topic. Changes nothing. */
import { attemptsGroupOf } from "./crash_log.ts";
import { fetchClusterMap } from "./cluster_map.ts";
import { describeGroup } from "./describe_group.ts";
import { offsetFetch } from "./offset_fetch.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { createErrorFromCode, type VendorCluster, type VendorProtocol } from "./vendor.ts";

/**
 * The groups that have committed an offset of the topic, or have a member that was given a partition of it; of those that this
 * client may see. What a lane notes of its own attempts is no reader.
 */
export async function groupsThatRead(
  cluster: VendorCluster,
  topic: string,
): Promise<readonly string[]> {
  const groups = await listGroups(cluster);
  const notes = new Set(groups.map(attemptsGroupOf));
  const found: string[] = [];
  for (const groupId of groups) {
    if (!notes.has(groupId) && await reads(cluster, groupId, topic)) found.push(groupId);
  }
  return found;
}

async function reads(cluster: VendorCluster, groupId: string, topic: string): Promise<boolean> {
  const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
  const offsets = await coordinator.connectionPool.send(offsetFetch(groupId, undefined, false));
  if (offsets.some((place) => place.topic === topic && place.offset >= 0)) return true;
  const { members } = await describeGroup(cluster, groupId);
  return members.some(({ assigned }) => assigned.some((place) => place.topic === topic));
}

/** All groups of consumers that we may see, by name. Each broker knows those that it coordinates. */
async function listGroups(cluster: VendorCluster): Promise<readonly string[]> {
  const { nodeIds } = await fetchClusterMap(cluster);
  const lists = await Promise.all(nodeIds.map(async (nodeId) => {
    const broker = await cluster.findBroker({ nodeId });
    return await broker.connectionPool.send(listGroupsRequest());
  }));
  return [...new Set(lists.flat())].sort();
}

function listGroupsRequest(): VendorProtocol<readonly string[]> {
  const call = { apiKey: 16, apiVersion: 3, apiName: "ListGroups" };
  return flexibleProtocol(call, (body) => body, parseListGroups);
}

/** Consumers, and what commits offsets without having members. Connect's workers and streams of other kinds are neither. */
const consumerTypes = ["consumer", ""];

function parseListGroups(bytes: Uint8Array): readonly string[] {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const errorCode = reader.int16();
  if (errorCode !== 0) throw createErrorFromCode()(errorCode);
  const listed = reader.array(() => {
    const group = { groupId: reader.text(), type: reader.text() };
    reader.tags();
    return group;
  });
  return listed.filter(({ type }) => consumerTypes.includes(type)).map(({ groupId }) => groupId);
}
