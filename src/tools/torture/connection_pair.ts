/** A connection through a broker's proxy: reads frame by frame, and does with each what the interceptors say. */
import type { Interceptors, Passage, Verdict } from "./interceptors.ts";
import { answeredId, type ApiName, framed, frames, requestHeader } from "./kafka_frames.ts";

let connections = 0;

/** One client's connection and the one to the broker behind it. */
export class ConnectionPair {
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

/** Also where it is closed already. */
export function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
