/**
 * Plain TCP sockets for kafkajs over Deno's own API, which hand over each answer as one buffer that was read into place.
 * Owns the bytes on the wire, never what they mean; TLS stays with kafkajs's own factory.
 *
 * node:net under Deno 2.9.6 makes a new 64 KiB buffer for each read, and kafkajs joins them: an answer of 4 MiB takes
 * one and a half to twice as long (`deno bench -A --filter receive tests/bench/codec_bench.ts`).
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { readFrames } from "../codec/read_frames.ts";

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

/** Options of all sockets that a factory makes. */
export interface NativeSocketOptions {
  readonly flushMsMax?: number;
  /** Called when a socket was closed from this side or the other. */
  readonly onClose?: () => void;
}

/**
 * A factory for kafkajs's `socketFactory`; connections with `ssl` go to `tls`. A socket that was ended is closed after
 * `flushMsMax` even if the other side has not taken what was written: a black hole must not keep the process.
 */
export function nativeSocketFactory(
  tls: SocketFactory,
  { flushMsMax = 1_000, onClose = () => {} }: NativeSocketOptions = {},
): SocketFactory {
  return (target) => target.ssl ? tls(target) : new NativeSocket(target, { flushMsMax, onClose });
}

class NativeSocket implements SocketLike {
  readonly #listeners = new Map<string, (detail: unknown) => void>();
  readonly #queue: Uint8Array[] = [];
  #connection: Deno.TcpConn | undefined;
  #writing = false;
  #ended = false;
  #unref = false;
  #giveUp: ReturnType<typeof setTimeout> | undefined;
  /** The system's own patience with a host that does not answer is two minutes. */
  readonly #connecting = new AbortController();

  constructor(
    { host, port, onConnect }: { host: string; port: number; onConnect: () => void },
    readonly options: Required<NativeSocketOptions>,
  ) {
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
    if (!this.#connection) this.#connecting.abort();
    if (!this.#writing) this.#close();
    else this.#giveUp ??= setTimeout(() => this.#close(), this.options.flushMsMax);
  }

  unref(): void {
    this.#unref = true;
    this.#connection?.unref();
  }

  async #run(host: string, port: number, onConnect: () => void): Promise<void> {
    try {
      const connection = await connect(host, port, this.#connecting.signal);
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
    clearTimeout(this.#giveUp);
    if (!this.#connection) return;
    this.#connection.close();
    this.#connection = undefined;
    this.options.onClose();
  }
}

/** Names may stand for several addresses, of which only some listen: `localhost` for ::1 and 127.0.0.1. */
async function connect(
  hostname: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (error) {
    signal.throwIfAborted();
    const addresses = isIP(hostname) ? [] : await lookup(hostname, { all: true }).catch(() => []);
    for (const { address } of addresses) {
      const connection = await Deno.connect({ hostname: address, port, signal })
        .catch(() => undefined);
      if (connection) return connection;
    }
    throw error;
  }
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
