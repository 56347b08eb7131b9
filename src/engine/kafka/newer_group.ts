/**
 * Who is in a group whose members speak the newer protocol of consumers (KIP-848): ConsumerGroupDescribe version 0. To
 * DescribeGroups such a group is not there.
 */
import type { TopicPartition } from "../core/record.ts";
import { WireReader } from "./codec/wire_reader.ts";
import type { DescribedMember, GroupDescription } from "./group_description.ts";
import { flexibleProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorProtocol } from "./vendor.ts";

/** The request's number: a broker before Kafka 3.7 does not know it, and has no such groups. */
export const newerGroupApiKey = 69;
const groupIdNotFound = 69;
/** A coordinator without such groups, as before Kafka 4.0, lists the request among those that it knows all the same. */
const unsupportedVersion = 35;

/** The request; answered with undefined where there is no group of that kind. */
export function newerGroup(groupId: string): VendorProtocol<GroupDescription | undefined> {
  return flexibleProtocol(
    { apiKey: newerGroupApiKey, apiVersion: 0, apiName: "ConsumerGroupDescribe" },
    (body) => body.arrayLength(1).string(groupId).boolean(true),
    parseNewerGroup,
  );
}

/** Parses an answer about one group from the header's tag buffer on. Throws the error that it carries. */
export function parseNewerGroup(bytes: Uint8Array): GroupDescription | undefined {
  const reader = new WireReader(bytes);
  reader.tags();
  reader.int32(); // throttle time
  const [found] = reader.array(() => {
    const errorCode = reader.int16();
    reader.string(); // the error in words
    reader.string(); // the group's name
    const state = reader.text();
    reader.raw(8); // epochs
    reader.string(); // assignor
    const members = reader.array(() => readMember(reader));
    const operations = reader.int32();
    reader.tags();
    return { errorCode, state, members, operations };
  });
  if (!found) throw new RangeError("ConsumerGroupDescribe: the answer holds no group");
  if ([groupIdNotFound, unsupportedVersion].includes(found.errorCode)) return undefined;
  if (found.errorCode !== 0) throw createErrorFromCode()(found.errorCode);
  const { state, members, operations } = found;
  return { state, members, protocol: "consumer", operations };
}

function readMember(reader: WireReader): DescribedMember {
  const memberId = reader.text();
  const instanceId = reader.string();
  reader.string(); // rack
  reader.int32(); // epoch
  const member = { memberId, clientId: reader.text(), host: reader.text() };
  reader.array(() => reader.string()); // what it subscribes to
  reader.string(); // and by pattern
  const assigned = readAssignment(reader);
  readAssignment(reader); // what it shall have
  reader.tags();
  return { ...member, ...(instanceId !== null && { instanceId }), assigned };
}

function readAssignment(reader: WireReader): readonly TopicPartition[] {
  const assigned = reader.array(() => {
    reader.raw(16); // the topic's id
    const topic = reader.text();
    const partitions = reader.array(() => ({ topic, partition: reader.int32() }));
    reader.tags();
    return partitions;
  });
  reader.tags();
  return assigned.flat();
}
