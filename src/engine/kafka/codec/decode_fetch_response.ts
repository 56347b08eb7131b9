/** Decodes a Fetch response down to batches. Owns the layout of version 13, never what is visible to a reader. */
import type { TopicPartition } from "../../core/record.ts";
import { CodecError } from "./codec_error.ts";
import { type RecordBatch, splitRecordSet } from "./record_batch.ts";
import { WireReader } from "./wire_reader.ts";

/** A transaction that was aborted within the range that was fetched. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** What a broker answered for one partition. Offsets are -1 where the broker gave none. */
export interface FetchedPartition extends TopicPartition {
  /** Kafka's error code; 0 is none. With an error there are no batches. */
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly preferredReadReplica: number;
  /**
   * Set where the log is not the one that was read before (KIP-320): the leader's latest epoch at or below the one that
   * was named, and the offset where that ends, which lies below what was asked for.
   */
  readonly diverging?: { readonly epoch: number; readonly endOffset: number };
  /** In the order the broker sent, which is that of the abort markers: never rely on it. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly batches: readonly RecordBatch[];
  /** Bytes of an incomplete batch at the end. With no complete batch before it, the fetch limit is too low for it. */
  readonly truncatedBytes: number;
  /** What stands behind the batches cannot be read. It concerns this partition alone. */
  readonly failure?: CodecError;
}

/** A broker's answer to a Fetch request. */
export interface FetchResponse {
  /** The same figure as `clientSideThrottleTime`. */
  readonly throttleTimeMs: number;
  /** Under the name that kafkajs's connection looks for (KIP-219: the client holds back). */
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly partitions: readonly FetchedPartition[];
}

/**
 * Decodes a Fetch response from the header's tag buffer on. Records stay undecoded in their batches and share the memory
 * of `body`: hand them to `committedRecords`. A record set that is broken concerns its own partition alone.
 *
 * @param topicOf the topic of an id (hexadecimal digits) that was asked for
 * @throws {CodecError} where the bytes do not fit the version
 */
export function decodeFetchResponse(
  body: Uint8Array,
  topicOf: (topicId: string) => string | undefined,
): FetchResponse {
  // A plain view: subarrays of a Buffer cost a prototype change each.
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  return decodeEnvelope(new WireReader(bytes, "compact", "a Fetch response"), topicOf);
}

function decodeEnvelope(
  reader: WireReader,
  topicOf: (topicId: string) => string | undefined,
): FetchResponse {
  reader.tags();
  const throttleTimeMs = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const partitions = reader.array(() => {
    const id = reader.raw(16).toHex();
    const topic = topicOf(id);
    if (topic === undefined) {
      throw new CodecError(
        "corrupt",
        `Cannot decode a Fetch response: topic ${id} was not asked for; fetch it again`,
      );
    }
    const found = reader.array(() => decodePartition(reader, topic));
    reader.tags();
    return found;
  }).flat();
  reader.tags();
  return {
    throttleTimeMs,
    clientSideThrottleTime: throttleTimeMs,
    errorCode,
    sessionId,
    partitions,
  };
}

const divergingTag = 0;
const nothing = new Uint8Array(0);

function decodePartition(reader: WireReader, topic: string): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = exact(reader.int64(), "the high watermark");
  const lastStableOffset = exact(reader.int64(), "the last stable offset");
  const logStartOffset = exact(reader.int64(), "the log start offset");
  const abortedTransactions = reader.array(() => {
    const producerId = reader.int64();
    const firstOffset = exact(reader.int64(), "an aborted first offset");
    reader.tags();
    return { producerId, firstOffset };
  });
  const preferredReadReplica = reader.int32();
  const set = reader.nullableBytes() ?? nothing;
  let diverging: FetchedPartition["diverging"];
  reader.tags((tag, value) => {
    if (tag !== divergingTag) return;
    diverging = { epoch: value.int32(), endOffset: exact(value.int64(), "an end offset") };
  });
  return {
    topic,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    preferredReadReplica,
    ...(diverging && { diverging }),
    abortedTransactions,
    ...splitRecordSet(set, { topic, partition }),
  };
}

function exact(value: bigint, field: string): number {
  const offset = Number(value);
  if (Number.isSafeInteger(offset)) return offset;
  throw new CodecError(
    "unsupported",
    `Cannot decode ${field} in a Fetch response: ${value} is beyond 2^53, which this client does not hold exactly`,
  );
}

/** The response half of a kafkajs protocol object, for `connection.send({ request, response })`. */
export function fetchResponse(topicOf: (topicId: string) => string | undefined): {
  decode(body: Uint8Array): Promise<FetchResponse>;
  parse(decoded: FetchResponse): Promise<FetchResponse>;
} {
  return {
    // Async so that a decoding error rejects instead of throwing within kafkajs.
    // deno-lint-ignore require-await
    decode: async (body) => decodeFetchResponse(body, topicOf),
    parse: (decoded) => Promise.resolve(decoded),
  };
}
