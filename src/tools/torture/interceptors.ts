/** Who decides what becomes of the requests and answers that pass a broker's proxy. */
import type { ApiName } from "./kafka_frames.ts";

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
