/** Counts how often each order's output was seen, and knows when outputs are timely again. No I/O, no clock. */
import { partitionForKey } from "../../engine/core/partition_for_key.ts";
import { benchKey } from "./bench_event.ts";

/** An output later than this means that the flow is behind. */
export const behindMs = 500;

/** See the file's first line. Orders are numbered from 0; times are microseconds since the epoch. */
export class KillWatch {
  readonly #seen: Uint8Array;
  readonly #partitionOf: Uint8Array;
  readonly #partitions: number;
  #dueMicros: (number: number) => number = () => Infinity;
  #onSeen: (number: number, atMicros: number) => void = () => {};

  constructor(ordersMax: number, partitions: number) {
    const encoder = new TextEncoder();
    this.#seen = new Uint8Array(ordersMax);
    this.#partitions = partitions;
    this.#partitionOf = Uint8Array.from(
      { length: ordersMax },
      (_, number) => partitionForKey(encoder.encode(benchKey(number)), partitions),
    );
  }

  /** Before the first order is due. */
  begin(dueMicros: (number: number) => number): void {
    this.#dueMicros = dueMicros;
  }

  /** An output was seen; a number that is no order's is passed over. */
  see(number: number, atMicros: number): void {
    const before = this.#seen[number];
    if (before === undefined) return;
    this.#seen[number] = Math.min(255, before + 1);
    this.#onSeen(number, atMicros);
  }

  /**
   * When every partition has had a timely output of an order that was due after `sinceMicros`; undefined where the
   * signal came first.
   */
  async caughtUp(sinceMicros: number, signal: AbortSignal): Promise<number | undefined> {
    const timely = new Set<number>();
    let last = 0;
    const isDone = await this.#until((number, atMicros) => {
      const due = this.#dueMicros(number);
      if (due <= sinceMicros || atMicros - due > behindMs * 1_000) return false;
      timely.add(this.#partitionOf[number] ?? 0);
      last = Math.max(last, atMicros);
      return timely.size === this.#partitions;
    }, signal);
    return isDone ? last : undefined;
  }

  /**
   * Whether each of the first `orders` orders is decided: the last one of every partition was seen, and outputs keep the
   * order of their partition.
   */
  async settled(orders: number, signal: AbortSignal): Promise<boolean> {
    const open = new Map<number, number>();
    for (let number = 0; number < orders; number++) {
      open.set(this.#partitionOf[number] ?? 0, number);
    }
    const isSeen = () => [...open.values()].every((number) => (this.#seen[number] ?? 0) > 0);
    return isSeen() || await this.#until(isSeen, signal);
  }

  /** What came of the first `orders` orders. */
  count(orders: number): { readonly twice: number; readonly never: number } {
    const seen = this.#seen.subarray(0, orders);
    return {
      twice: seen.reduce((sum, times) => sum + (times > 1 ? 1 : 0), 0),
      never: seen.reduce((sum, times) => sum + (times === 0 ? 1 : 0), 0),
    };
  }

  #until(
    isDone: (number: number, atMicros: number) => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const onAbort = () => resolve(false);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#onSeen = (number, atMicros) => isDone(number, atMicros) && resolve(true);
    return promise.finally(() => {
      signal.removeEventListener("abort", onAbort);
      this.#onSeen = () => {};
    });
  }
}
