/** Who is in a consumer group at this moment: DescribeGroups over kafkajs's connection. */
import { Buffer } from "node:buffer";
import { rawProtocol } from "./raw_protocol.ts";
import { createErrorFromCode, type VendorCluster, type VendorProtocol } from "./vendor.ts";

/** A member of a group. */
export interface GroupMember {
  readonly memberId: string;
  readonly clientId: string;
  readonly host: string;
}

/** A group as its coordinator describes it. */
export interface GroupDescription {
  /** `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, or `Dead` for a group that is not there. */
  readonly state: string;
  readonly members: readonly GroupMember[];
}

/** Asks the coordinator of the group. @throws the protocol error that it answers with */
export async function describeGroup(
  cluster: VendorCluster,
  groupId: string,
): Promise<GroupDescription> {
  const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
  return await coordinator.connectionPool.send(describeGroups(groupId));
}

function describeGroups(groupId: string): VendorProtocol<GroupDescription> {
  const call = { apiKey: 15, apiVersion: 0, apiName: "DescribeGroups" };
  return rawProtocol(call, () => {
    const name = Buffer.from(groupId);
    const body = Buffer.alloc(6 + name.length);
    body.writeInt32BE(1, 0);
    body.writeInt16BE(name.length, 4);
    name.copy(body, 6);
    return body;
  }, parseDescribeGroups);
}

/** Parses an answer of version 0 about one group. Throws the error that it carries. */
export function parseDescribeGroups(bytes: Uint8Array): GroupDescription {
  const fields = new FieldReader(bytes);
  if (fields.int32() !== 1) throw new RangeError("DescribeGroups: the answer holds no group");
  const errorCode = fields.int16();
  if (errorCode !== 0) throw createErrorFromCode()(errorCode);
  fields.text(); // the group's name
  const state = fields.text();
  fields.text(); // protocol type
  fields.text(); // protocol
  const members = Array.from({ length: fields.int32() }, () => {
    const member = { memberId: fields.text(), clientId: fields.text(), host: fields.text() };
    fields.skipBytes(); // what it subscribes to
    fields.skipBytes(); // what it was given
    return member;
  });
  return { state, members };
}

/** Takes fields of the older, non-compact encoding from one answer, in order. */
class FieldReader {
  #at = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  int16(): number {
    this.#at += 2;
    return this.#view.getInt16(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4);
  }

  text(): string {
    const length = Math.max(0, this.int16());
    this.#at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.#at - length, this.#at));
  }

  skipBytes(): void {
    const length = this.int32();
    this.#at += Math.max(0, length);
  }
}
