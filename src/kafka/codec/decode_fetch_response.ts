/** Decodes a Fetch response down to batches. Owns the layout of versions 4 to 11, never what is visible to a reader. */
import type { TopicPartition } from "../../core/record.ts";
import { ByteCursor } from "./byte_cursor.ts";
import { CodecError } from "./codec_error.ts";
import { type RecordBatch, splitRecordSet } from "./record_batch.ts";

/** A transaction that was aborted within the range that was fetched. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** What a broker answered for one partition. Offsets are -1 where the broker (or the version) gave none. */
export interface FetchedPartition extends TopicPartition {
  /** Kafka's error code; 0 is none. With an error there are no batches. */
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly preferredReadReplica: number;
  /** In the order the broker sent, which is that of the abort markers: never rely on it. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly batches: readonly RecordBatch[];
  /** Bytes of an incomplete batch at the end. With no complete batch before it, the fetch limit is too low for it. */
  readonly truncatedBytes: number;
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

/** The Fetch versions decoded here; kafkajs negotiates at most 11, and Kafka 4 answers none below 4 (KIP-896). */
export const FETCH_VERSION_MIN = 4;
export const FETCH_VERSION_MAX = 11;

/**
 * Decodes the body of a Fetch response (after the correlation id). Records stay undecoded in their batches and share the
 * memory of `body`: hand them to `committedRecords`.
 *
 * @throws {CodecError} where the bytes do not fit the version, or hold a message format of before Kafka 0.11
 */
export function decodeFetchResponse(body: Uint8Array, apiVersion: number): FetchResponse {
  if (apiVersion < FETCH_VERSION_MIN || apiVersion > FETCH_VERSION_MAX) {
    throw new CodecError(
      "unsupported",
      `Cannot decode a Fetch response of version ${apiVersion}: only ${FETCH_VERSION_MIN} to ${FETCH_VERSION_MAX}`,
    );
  }
  // A plain view: subarrays of a Buffer cost a prototype change each.
  const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  const cursor = new ByteCursor(bytes, `a Fetch response (version ${apiVersion})`);
  const throttleTimeMs = cursor.int32();
  const errorCode = apiVersion >= 7 ? cursor.int16() : 0;
  const sessionId = apiVersion >= 7 ? cursor.int32() : 0;
  const partitions: FetchedPartition[] = [];
  for (let topics = cursor.arrayLength(6); topics > 0; topics--) {
    const topic = cursor.string();
    for (let count = cursor.arrayLength(30); count > 0; count--) {
      partitions.push(decodePartition(cursor, topic, apiVersion));
    }
  }
  if (cursor.remaining > 0) {
    throw cursor.corrupt(`${cursor.remaining} bytes are left over, so it has another version`);
  }
  return {
    throttleTimeMs,
    clientSideThrottleTime: apiVersion >= 8 ? throttleTimeMs : 0,
    errorCode,
    sessionId,
    partitions,
  };
}

function decodePartition(cursor: ByteCursor, topic: string, apiVersion: number): FetchedPartition {
  const partition = cursor.int32();
  const errorCode = cursor.int16();
  const highWatermark = cursor.int64("the high watermark");
  const lastStableOffset = cursor.int64("the last stable offset");
  const logStartOffset = apiVersion >= 5 ? cursor.int64("the log start offset") : -1;
  const abortedTransactions: AbortedTransaction[] = [];
  for (let count = cursor.arrayLength(16); count > 0; count--) {
    const producerId = cursor.bigInt64();
    abortedTransactions.push({ producerId, firstOffset: cursor.int64("an aborted first offset") });
  }
  const preferredReadReplica = apiVersion >= 11 ? cursor.int32() : -1;
  const recordSet = splitRecordSet(cursor.byteRun(), { topic, partition });
  return {
    topic,
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    preferredReadReplica,
    abortedTransactions,
    ...recordSet,
  };
}

/** The response half of a kafkajs protocol object, for `connection.send({ request, response })`. */
export function fetchResponse(apiVersion: number): {
  decode(body: Uint8Array): Promise<FetchResponse>;
  parse(decoded: FetchResponse): Promise<FetchResponse>;
} {
  return {
    // Async so that a decoding error rejects instead of throwing within kafkajs.
    // deno-lint-ignore require-await
    decode: async (body) => decodeFetchResponse(body, apiVersion),
    parse: (decoded) => Promise.resolve(decoded),
  };
}
