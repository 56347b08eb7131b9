/** Who is in a consumer group at this moment, whatever protocol its members speak. */
import type { GroupDescription } from "./group_description.ts";
import type { TopicPartition } from "../core/record.ts";
import { CodecError } from "./codec/codec_error.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { newerGroup, newerGroupApiKey } from "./newer_group.ts";
import { classicProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorCluster, type VendorProtocol } from "./vendor.ts";

/** Asks the coordinator of the group. @throws the protocol error that it answers with */
export async function describeGroup(
  cluster: VendorCluster,
  groupId: string,
): Promise<GroupDescription> {
  const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
  const described = await coordinator.connectionPool.send(describeGroups(groupId));
  const mayBeNewer = described.state === "Dead" && coordinator.versions?.[newerGroupApiKey];
  if (!mayBeNewer) return described;
  return await coordinator.connectionPool.send(newerGroup(groupId)) ?? described;
}

function describeGroups(groupId: string): VendorProtocol<GroupDescription> {
  const call = { apiKey: 15, apiVersion: 4, apiName: "DescribeGroups" };
  return classicProtocol(
    call,
    (body) => body.arrayLength(1).string(groupId).boolean(true),
    parseDescribeGroups,
  );
}

/** Parses an answer of version 4 about one group. Throws the error that it carries. */
export function parseDescribeGroups(bytes: Uint8Array): GroupDescription {
  const fields = new WireReader(bytes, "classic", "the answer to DescribeGroups");
  fields.int32(); // throttle time
  if (fields.int32() !== 1) throw new RangeError("DescribeGroups: the answer holds no group");
  const errorCode = fields.int16();
  if (errorCode !== 0) throw createErrorFromCode()(errorCode);
  fields.text(); // the group's name
  const state = fields.text();
  fields.text(); // protocol type
  const protocol = fields.text();
  const members = fields.array(() => {
    const memberId = fields.text();
    const instanceId = fields.string();
    const member = { memberId, clientId: fields.text(), host: fields.text() };
    fields.nullableBytes(); // what it subscribes to
    const assigned = parseAssignment(fields.nullableBytes());
    return { ...member, ...(instanceId !== null && { instanceId }), assigned };
  });
  return { state, members, protocol, operations: fields.int32() };
}

/** Nothing where it is laid out otherwise: what is in the group need not be a consumer. */
function parseAssignment(bytes: Uint8Array | null): readonly TopicPartition[] {
  if (!bytes) return [];
  const fields = new WireReader(bytes, "classic", "a member's assignment");
  try {
    fields.int16(); // a later version only adds behind what is read here
    return fields.array(() => {
      const topic = fields.text();
      return fields.array(() => ({ topic, partition: fields.int32() }));
    }).flat();
  } catch (error) {
    if (error instanceof CodecError) return [];
    throw error;
  }
}
