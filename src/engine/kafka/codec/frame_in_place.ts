/** Writes kafkajs's request header in front of a body that was encoded with room for it. Owns the header's layout. */
import { Buffer } from "node:buffer";
import { ByteWriter } from "./byte_writer.ts";

/** What kafkajs's `src/protocol/request.js` exports. */
export type CreateRequest = (call: {
  readonly correlationId: number;
  readonly clientId: string;
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    encode(): Promise<unknown>;
  };
}) => Promise<unknown>;

/** Size, API key, API version, correlation id and the length of the client id. */
const HEADER_BYTES = 4 + 2 + 2 + 4 + 2;
/** The room that a body leaves: enough for any client id of up to 160 letters. */
export const HEADER_BYTES_MAX = HEADER_BYTES + 160 * 3;

/**
 * Wraps `src/protocol/request.js`, which copies a body twice into buffers of the next power of two (two allocations of
 * 2 MiB and two copies for a Produce request of 1 MiB). Bodies that are no {@linkcode ByteWriter} go on to kafkajs's own.
 * Put it into the module cache before `src/network/connection.js` loads.
 */
export function frameInPlace(original: CreateRequest): CreateRequest {
  return async ({ correlationId, clientId, request }) => {
    const body = await request.encode();
    const clientBytes = Buffer.byteLength(clientId ?? "");
    if (!(body instanceof ByteWriter) || body.headroom < HEADER_BYTES + clientBytes || !clientId) {
      const encode = () => Promise.resolve(body);
      return original({ correlationId, clientId, request: { ...request, encode } });
    }
    const start = body.headroom - HEADER_BYTES - clientBytes;
    const frame = Buffer.from(body.memory.buffer, start, body.position - start);
    let at = frame.writeInt32BE(frame.length - 4, 0);
    at = frame.writeInt16BE(request.apiKey, at);
    at = frame.writeInt16BE(request.apiVersion, at);
    at = frame.writeInt32BE(correlationId, at);
    at = frame.writeInt16BE(clientBytes, at);
    frame.write(clientId, at, clientBytes, "utf8");
    return { buf: frame, buffer: frame };
  };
}
