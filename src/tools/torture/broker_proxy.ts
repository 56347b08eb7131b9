/**
 * A TCP proxy in front of one broker that sees requests and answers one by one, and does to them what a fault says.
 * It never changes a byte: it forwards, drops, holds back, goes silent or cuts the line.
 */
import { answeredId, type ApiName, framed, frames, requestHeader } from "./kafka_frames.ts";

/** A request on its way to the broker, or the answer to one on its way back. */
export interface Passage {
  readonly direction: "request" | "answer";
  readonly api: ApiName;
  readonly clientId: string;
  readonly nodeId: number;
  /** Tells connections apart. */
  readonly connection: number;
}

/**
 * What happens to a passage:
 * - `forward`, `drop`;
 * - `drop-and-close`: it is lost and the client sees the connection end;
 * - `hold-and-close`: a request is kept for {@linkcode HeldRequest.release}, and the client sees the connection end;
 * - `black-hole`: from here on nothing passes, in either direction, and nobody is told;
 * - `half-open`: the broker's side ends, the client's side stays open and silent.
 */
export type Verdict =
  | "forward"
  | "drop"
  | "drop-and-close"
  | "hold-and-close"
  | "black-hole"
  | "half-open";

/** Looks at each passage; the first that answers decides. Awaiting holds back all that follows on the connection. */
export type Interceptor = (passage: Passage) => Verdict | undefined | Promise<Verdict | undefined>;

/** A request that was held back. */
export interface HeldRequest {
  readonly passage: Passage;
  /** Sends it on now; its answer reaches nobody. False when the broker had closed the connection. */
  release(): Promise<boolean>;
}

/** All proxies of a cluster share one of these. */
export class Interceptors {
  readonly #active = new Set<Interceptor>();

  /** Adds one; call the result to take it away. */
  add(interceptor: Interceptor): () => void {
    this.#active.add(interceptor);
    return () => this.#active.delete(interceptor);
  }

  async decide(passage: Passage): Promise<Verdict> {
    for (const interceptor of this.#active) {
      const verdict = await interceptor(passage);
      if (verdict !== undefined) return verdict;
    }
    return "forward";
  }

  readonly #held: HeldRequest[] = [];

  keep(held: HeldRequest): void {
    this.#held.push(held);
  }

  /** Requests that were held back since the last call. */
  takeHeld(): HeldRequest[] {
    return this.#held.splice(0);
  }
}

let connections = 0;

/** Listens on `port` until disposed. */
export class BrokerProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #pairs = new Set<ConnectionPair>();
  readonly #done: Promise<void>;

  constructor(
    readonly options: { readonly nodeId: number; readonly port: number; readonly target: number },
    readonly interceptors: Interceptors,
  ) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: options.port });
    this.#done = this.#accept();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      Deno.connect({ hostname: "127.0.0.1", port: this.options.target }).then(
        (broker) => {
          const pair = new ConnectionPair(client, broker, this.options.nodeId, this.interceptors);
          this.#pairs.add(pair);
          pair.done.finally(() => this.#pairs.delete(pair));
        },
        () => close(client),
      );
    }
  }

  /** Cuts every connection of that client (of all clients where none is named); answers with how many there were. */
  cut(clientId?: string): number {
    const chosen = [...this.#pairs].filter((pair) => !clientId || pair.clientId === clientId);
    for (const pair of chosen) pair.close();
    return chosen.length;
  }

  /** Makes every open connection of that client silent; answers with how many there were. */
  silence(clientId: string): number {
    const chosen = [...this.#pairs].filter((pair) => pair.clientId === clientId);
    for (const pair of chosen) pair.silence();
    return chosen.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut();
    await this.#done.catch(() => {});
  }
}

/** One client's connection and the one to the broker behind it. */
class ConnectionPair {
  readonly #id = ++connections;
  readonly #requests = new Map<number, { api: ApiName; clientId: string }>();
  readonly #discarded = new Set<number>();
  #silent = false;
  clientId = "";
  readonly done: Promise<unknown>;

  constructor(
    readonly client: Deno.TcpConn,
    readonly broker: Deno.TcpConn,
    readonly nodeId: number,
    readonly interceptors: Interceptors,
  ) {
    client.setNoDelay();
    broker.setNoDelay();
    this.done = Promise.allSettled([this.#toBroker(), this.#toClient()]);
  }

  close(): void {
    close(this.client);
    close(this.broker);
  }

  silence(): void {
    this.#silent = true;
  }

  async #toBroker(): Promise<void> {
    const writer = this.broker.writable.getWriter();
    try {
      for await (const frame of frames(this.client.readable)) {
        const { api, correlationId, clientId } = requestHeader(frame);
        this.clientId = clientId;
        if (this.#silent) continue;
        if (api !== undefined) {
          this.#requests.set(correlationId, { api, clientId });
          const passage = this.#passage("request", api, clientId);
          const verdict = await this.interceptors.decide(passage);
          if (verdict === "hold-and-close") {
            this.#hold(passage, frame.slice(), correlationId, writer);
          }
          if (!this.#passes(verdict)) continue;
        }
        await writer.write(framed(frame));
      }
    } finally {
      // A request that was held back may still be sent on after its client has gone.
      if (this.#discarded.size === 0) this.close();
      else close(this.client);
    }
  }

  async #toClient(): Promise<void> {
    const writer = this.client.writable.getWriter();
    try {
      for await (const frame of frames(this.broker.readable)) {
        const correlationId = answeredId(frame);
        const request = this.#requests.get(correlationId);
        this.#requests.delete(correlationId);
        if (this.#silent || this.#discarded.delete(correlationId)) continue;
        if (request) {
          const passage = this.#passage("answer", request.api, request.clientId);
          if (!this.#passes(await this.interceptors.decide(passage))) continue;
        }
        await writer.write(framed(frame));
      }
    } finally {
      if (!this.#silent) this.close();
    }
  }

  /** Whether the frame goes on. */
  #passes(verdict: Verdict): boolean {
    switch (verdict) {
      case "forward":
        return true;
      case "drop":
        return false;
      case "hold-and-close":
        close(this.client);
        return false;
      case "drop-and-close":
        this.close();
        return false;
      case "black-hole":
        this.#silent = true;
        return false;
      case "half-open":
        this.#silent = true;
        close(this.broker);
        return false;
      default:
        return verdict satisfies never;
    }
  }

  #hold(
    passage: Passage,
    frame: Uint8Array,
    correlationId: number,
    writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>,
  ): void {
    this.#discarded.add(correlationId);
    this.interceptors.keep({
      passage,
      release: () => writer.write(framed(frame)).then(() => true, () => false),
    });
  }

  #passage(direction: Passage["direction"], api: ApiName, clientId: string): Passage {
    return { direction, api, clientId, nodeId: this.nodeId, connection: this.#id };
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
