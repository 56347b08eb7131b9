/** Cuts a Kafka connection into frames and reads the fixed part of their headers. Understands no body. */

/** The API keys that faults speak of. */
export const apiKeys = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
  initProducerId: 22,
  addPartitionsToTxn: 24,
  addOffsetsToTxn: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const;
/** The name of one of {@linkcode apiKeys}. */
export type ApiName = keyof typeof apiKeys;

const nameOf = new Map<number, ApiName>(
  (Object.keys(apiKeys) as ApiName[]).map((name) => [apiKeys[name], name]),
);

/** What a request's header says. */
export interface RequestHeader {
  readonly api: ApiName | undefined;
  readonly apiKey: number;
  readonly correlationId: number;
  readonly clientId: string;
}

/** The header of a request frame (without its length): key, version, correlation id, client id. */
export function requestHeader(frame: Uint8Array): RequestHeader {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const apiKey = view.getInt16(0);
  const length = view.getInt16(8);
  const clientId = length < 0 ? "" : new TextDecoder().decode(frame.subarray(10, 10 + length));
  return { api: nameOf.get(apiKey), apiKey, correlationId: view.getInt32(4), clientId };
}

/** The correlation id of an answer frame. */
export function answeredId(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getInt32(0);
}

const frameBytesMax = 200 * 1024 * 1024;

/** The frames of a stream, each without its length; ends with the stream. */
export async function* frames(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < 4) continue;
    let all = chunks.length === 1 ? chunk : concat(chunks, bytes);
    while (all.length >= 4) {
      const length = new DataView(all.buffer, all.byteOffset).getInt32(0);
      if (length < 0 || length > frameBytesMax) throw new RangeError(`a frame of ${length} bytes`);
      if (all.length < 4 + length) break;
      yield all.subarray(4, 4 + length);
      all = all.subarray(4 + length);
    }
    chunks = all.length > 0 ? [all] : [];
    bytes = all.length;
  }
}

/** A frame with its length, ready to be sent. */
export function framed(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + frame.length);
  new DataView(bytes.buffer).setInt32(0, frame.length);
  bytes.set(frame, 4);
  return bytes;
}

function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
