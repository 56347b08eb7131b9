/** All committed offsets of a group: OffsetFetch version 7 without a list of topics, which kafkajs cannot ask for stably. */
import { Buffer } from "node:buffer";
import type { TopicPartition } from "../core/record.ts";
import { CompactReader, CompactWriter } from "./compact.ts";
import {
  createErrorFromCode,
  encoderClass,
  type VendorCluster,
  type VendorProtocol,
} from "./vendor.ts";

/** One committed offset. */
export interface GroupOffset extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number;
  readonly metadata: string;
  /** A transaction that would change it has not ended yet (KIP-447). */
  readonly pending: boolean;
}

const unstableOffsetCommit = 88;

/**
 * What the group has committed, and on which partitions a transaction is pending.
 *
 * @throws the protocol error of the group or of a partition
 */
export async function fetchGroupOffsets(
  cluster: VendorCluster,
  groupId: string,
): Promise<readonly GroupOffset[]> {
  const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
  const { connectionPool } = coordinator;
  // The stable answer names the pending partitions but not their offsets; the plain one has those.
  const stable = await connectionPool.send(offsetFetch(groupId, true));
  const plain = await connectionPool.send(offsetFetch(groupId, false));
  const pending = new Set(
    stable.filter(({ errorCode }) => errorCode === unstableOffsetCommit).map(keyOf),
  );
  return plain.map(({ topic, partition, offset, metadata, errorCode }) => {
    if (errorCode !== 0) throw createErrorFromCode()(errorCode);
    return { topic, partition, offset, metadata, pending: pending.has(`${topic}/${partition}`) };
  });
}

interface Fetched extends Omit<GroupOffset, "pending"> {
  readonly errorCode: number;
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

function offsetFetch(groupId: string, requireStable: boolean): VendorProtocol<Fetched[]> {
  return {
    request: {
      apiKey: 9,
      apiVersion: 7,
      apiName: "OffsetFetch",
      // deno-lint-ignore require-await -- kafkajs awaits it
      encode: async () => {
        const Encoder = encoderClass();
        const encoder = new Encoder();
        const allTopics = 0;
        const body = new CompactWriter().tags().string(groupId).uvarint(allTopics)
          .boolean(requireStable).tags();
        encoder.writeBufferInternal(Buffer.from(body.finish()));
        return encoder;
      },
    },
    response: {
      decode: (raw) => Promise.resolve(raw),
      // deno-lint-ignore require-await -- an error code rejects
      parse: async (raw) => parseGroupOffsets(raw),
    },
    logResponseError: false,
  };
}

/** Parses an answer from the header's tag buffer on. Throws the group's error. */
export function parseGroupOffsets(raw: unknown): Fetched[] {
  if (!(raw instanceof Uint8Array)) {
    throw new TypeError("OffsetFetch: kafkajs handed over an answer that is not bytes");
  }
  const reader = new CompactReader(raw);
  reader.tags();
  reader.int32(); // throttle time
  const topics = reader.array(() => {
    const topic = reader.string() ?? "";
    const partitions = reader.array(() => {
      const partition = reader.int32();
      const offset = Number(reader.int64());
      reader.int32(); // leader epoch
      const metadata = reader.string() ?? "";
      const errorCode = reader.int16();
      reader.tags();
      return { topic, partition, offset, metadata, errorCode };
    });
    reader.tags();
    return partitions;
  });
  const errorCode = reader.int16();
  if (errorCode !== 0) throw createErrorFromCode()(errorCode);
  return topics.flat();
}
