/**
 * Plain TCP sockets for kafkajs over Deno's own API, which hand over each answer as one buffer that was read into place.
 * Owns the bytes on the wire, never what they mean; TLS stays with kafkajs's own factory.
 *
 * Under Deno 2.9.6 node:net costs 1.2 to 1.5 ms of CPU for each MiB received (a new 64 KiB buffer per read, and kafkajs
 * joins them), this 0.4 ms; a round trip of 100 bytes costs half (`deno bench -A tests/bench/codec_bench.ts`).
 */
import { Buffer } from "node:buffer";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** What kafkajs asks of a socket. */
export interface SocketLike {
  on(event: "data" | "end" | "error" | "timeout", listener: (detail: unknown) => void): unknown;
  write(bytes: Uint8Array, encoding?: string): unknown;
  end(): unknown;
  unref(): unknown;
}

/** kafkajs's `socketFactory` option. */
export type SocketFactory = (target: {
  host: string;
  port: number;
  ssl?: unknown;
  onConnect: () => void;
}) => SocketLike;

/** Room for small answers, several of which may arrive at once. */
const SMALL_BYTES = 64 * 1024;
const SIZE_BYTES = 4;
/** Kafka's brokers allow requests of 100 MiB by default; an answer beyond this is no Kafka. */
const FRAME_BYTES_MAX = 1024 * 1024 * 1024;

/** A factory for `new Kafka({ socketFactory })`; connections with `ssl` go to `tls`. */
export function nativeSocketFactory(tls: SocketFactory): SocketFactory {
  return (target) => target.ssl ? tls(target) : new NativeSocket(target);
}

class NativeSocket implements SocketLike {
  readonly #listeners = new Map<string, (detail: unknown) => void>();
  readonly #queue: Uint8Array[] = [];
  #connection: Deno.TcpConn | undefined;
  #writing = false;
  #ended = false;
  #unref = false;

  constructor({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) {
    this.#run(host, port, onConnect);
  }

  on(event: string, listener: (detail: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  /** Takes the bytes as they are: they must not change until they are sent. */
  write(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#queue.push(bytes);
    this.#flush();
  }

  /** Sends what is queued, then closes. No event follows. */
  end(): void {
    this.#ended = true;
    if (!this.#writing) this.#close();
  }

  unref(): void {
    this.#unref = true;
    this.#connection?.unref();
  }

  async #run(host: string, port: number, onConnect: () => void): Promise<void> {
    try {
      const connection = await connect(host, port);
      if (this.#ended) return connection.close();
      this.#connection = connection;
      connection.setNoDelay(true);
      connection.setKeepAlive(true);
      if (this.#unref) connection.unref();
      onConnect();
      this.#flush();
      await readFrames(connection, (frame) => this.#emit("data", frame));
      if (!this.#ended) this.#emit("end", undefined);
    } catch (error) {
      this.#fail(error);
    }
    this.#close();
  }

  async #flush(): Promise<void> {
    if (this.#writing || !this.#connection) return;
    this.#writing = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        for (let at = 0; at < next.length;) at += await this.#connection.write(next.subarray(at));
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#writing = false;
    if (this.#ended) this.#close();
  }

  #emit(event: string, detail: unknown): void {
    this.#listeners.get(event)?.(detail);
  }

  /** After `end()` an interrupted read is what was asked for. */
  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.length = 0;
    this.#emit("error", error);
  }

  #close(): void {
    this.#ended = true;
    this.#connection?.close();
    this.#connection = undefined;
  }
}

/** Names may stand for several addresses, of which only some listen: `localhost` for ::1 and 127.0.0.1. */
async function connect(hostname: string, port: number): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname, port });
  } catch (error) {
    const addresses = isIP(hostname) ? [] : await lookup(hostname, { all: true }).catch(() => []);
    for (const { address } of addresses) {
      const connection = await Deno.connect({ hostname: address, port }).catch(() => undefined);
      if (connection) return connection;
    }
    throw error;
  }
}

/** Hands over every complete frame (its size and all) until the other side closes. */
async function readFrames(
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

/** The state that kafkajs's `Connection` keeps while it joins chunks into answers. */
export interface ReceivingConnection {
  chunks: Uint8Array[];
}

/**
 * Wraps `Connection.prototype.processData`: after each answer kafkajs keeps an empty rest, which pins that answer's memory
 * until the next and makes it copy the next one whole to join the two (`src/network/connection.js`, `processData`).
 */
export function withoutEmptyRest<C extends ReceivingConnection>(
  processData: (this: C, bytes: Uint8Array) => unknown,
): (this: C, bytes: Uint8Array) => unknown {
  return function (bytes) {
    try {
      return processData.call(this, bytes);
    } finally {
      if (this.chunks.length === 1 && this.chunks[0]?.length === 0) this.chunks = [];
    }
  };
}
