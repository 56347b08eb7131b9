/**
 * OffsetFetch version 7 with `require_stable` (KIP-447), over kafkajs's own connection so that TLS and SASL hold.
 *
 * kafkajs speaks version 4 at most, which can return the offset before a transaction that has committed already and
 * whose marker is still on its way (KAFKA-17507): its records would be processed twice.
 */
import { Buffer } from "node:buffer";
import { delay } from "../core/delay.ts";
import type { CommittedOffset } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { CompactReader, CompactWriter } from "./compact.ts";
import { protocolErrorType } from "./error_verdict.ts";
import {
  createErrorFromCode,
  encoderClass,
  type VendorCluster,
  type VendorProtocol,
} from "./vendor.ts";

const unstableOffsetCommit = 88;
const pollMs = 5;
const reconnectMs = 100;
const waitMsMax = 120_000;

/** Errors after which another coordinator, or the same one a little later, will answer. */
const transient = new Set([
  "NOT_COORDINATOR_FOR_GROUP",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
  "UNSTABLE_OFFSET_COMMIT",
  "REQUEST_TIMED_OUT",
]);

/**
 * The group's offset for one partition once no transaction is pending on it.
 *
 * Waits at most two minutes (a transaction timeout is shorter); rejects with the signal's reason when that fires.
 */
export async function fetchStableOffset(
  cluster: VendorCluster,
  groupId: string,
  partition: TopicPartition,
  signal?: AbortSignal,
): Promise<CommittedOffset> {
  const deadline = Date.now() + waitMsMax;
  while (true) {
    signal?.throwIfAborted();
    try {
      if (!cluster.isConnected()) await cluster.connect();
      await cluster.refreshMetadataIfNecessary();
      const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
      return await coordinator.connectionPool.send(stableFetch(groupId, partition));
    } catch (error) {
      const type = protocolErrorType(error);
      if (Date.now() > deadline || (type !== undefined && !transient.has(type))) throw error;
      await delay(type === "UNSTABLE_OFFSET_COMMIT" ? pollMs : reconnectMs, signal);
    }
  }
}

function stableFetch(
  groupId: string,
  { topic, partition }: TopicPartition,
): VendorProtocol<CommittedOffset> {
  return {
    request: {
      apiKey: 9,
      apiVersion: 7,
      apiName: "OffsetFetch",
      // deno-lint-ignore require-await -- kafkajs awaits it
      encode: async () => {
        const Encoder = encoderClass();
        const encoder = new Encoder();
        // The first tag buffer ends the flexible header, which kafkajs does not know of.
        const body = new CompactWriter().tags().string(groupId)
          .arrayLength(1).string(topic).arrayLength(1).int32(partition).tags()
          .boolean(true).tags();
        encoder.writeBufferInternal(Buffer.from(body.finish()));
        return encoder;
      },
    },
    response: {
      decode: (raw) => Promise.resolve(raw),
      // deno-lint-ignore require-await -- an error code rejects
      parse: async (raw) => parseStableFetch(rawBytes(raw)),
    },
    logResponseError: false,
  };
}

function rawBytes(raw: unknown): Uint8Array {
  if (raw instanceof Uint8Array) return raw;
  const inner = (raw as { buffer?: unknown }).buffer;
  if (inner instanceof Uint8Array) return inner;
  throw new TypeError("OffsetFetch: kafkajs handed over an answer that is not bytes");
}

/** Parses an answer from the header's tag buffer on. Throws the protocol error that it carries. */
export function parseStableFetch(bytes: Uint8Array): CommittedOffset {
  const reader = new CompactReader(bytes);
  reader.tags();
  reader.int32();
  const topics = reader.array(() => {
    reader.string();
    const partitions = reader.array(() => {
      reader.int32();
      const offset = Number(reader.int64());
      reader.int32();
      const metadata = reader.string() ?? "";
      const errorCode = reader.int16();
      reader.tags();
      return { offset, metadata, errorCode };
    });
    reader.tags();
    return partitions;
  });
  failOn(reader.int16());
  const found = topics[0]?.[0];
  if (!found) throw new RangeError("OffsetFetch: the answer holds no partition");
  failOn(found.errorCode);
  return { offset: found.offset, metadata: found.metadata };
}

function failOn(code: number): void {
  if (code === 0) return;
  const error = createErrorFromCode()(code);
  // kafkajs's table has it only as a number in some releases; the name is what callers look at.
  if (code === unstableOffsetCommit) Object.assign(error, { type: "UNSTABLE_OFFSET_COMMIT" });
  throw error;
}
