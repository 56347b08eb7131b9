/** Cuts a connection's bytes into Kafka's frames, each behind its size. Owns the reading, never what a frame means. */
import { Buffer } from "node:buffer";

/** Room for small answers, several of which may arrive at once. */
const SMALL_BYTES = 64 * 1024;
const SIZE_BYTES = 4;
/** Kafka's brokers allow requests of 100 MiB by default; an answer beyond this is no Kafka. */
const FRAME_BYTES_MAX = 1024 * 1024 * 1024;

/**
 * Hands over every complete frame, its size and all, until the other side closes. A large frame is read into its own
 * memory, so nothing is joined afterwards.
 *
 * @throws {RangeError} for a size that no Kafka would send
 */
export async function readFrames(
  connection: Deno.TcpConn,
  onFrame: (frame: Buffer) => void,
): Promise<void> {
  const small = Buffer.alloc(SMALL_BYTES);
  let have = 0;
  for (;;) {
    const read = await connection.read(small.subarray(have));
    if (read === null) return;
    have += read;
    let at = 0;
    while (have - at >= SIZE_BYTES) {
      const length = SIZE_BYTES + frameBytes(small, at);
      if (length > have - at) {
        if (length <= SMALL_BYTES) break;
        const frame = await readRest(connection, small.subarray(at, have), length);
        if (frame === null) return;
        onFrame(frame);
        at = have;
        break;
      }
      onFrame(Buffer.from(small.subarray(at, at + length)));
      at += length;
    }
    small.copyWithin(0, at, have);
    have -= at;
  }
}

function frameBytes(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at);
  if (length < 0 || length > FRAME_BYTES_MAX) {
    throw new RangeError(`Cannot read an answer of ${length} bytes: the other side is no Kafka`);
  }
  return length;
}

/** The rest of a large frame, read into its own buffer and no further; null where the other side closes within it. */
async function readRest(
  connection: Deno.TcpConn,
  begun: Uint8Array,
  length: number,
): Promise<Buffer | null> {
  const frame = Buffer.allocUnsafeSlow(length);
  frame.set(begun);
  for (let have = begun.length; have < length;) {
    const read = await connection.read(frame.subarray(have));
    if (read === null) return null;
    have += read;
  }
  return frame;
}
