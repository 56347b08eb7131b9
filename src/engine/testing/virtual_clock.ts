/** Time that passes when everything that could happen has happened: an hour of retries takes a moment. Owns no real timer. */
import { setImmediate } from "node:timers";
import type { Clock } from "../core/clock.ts";

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * The clock of a test. Who sleeps until the earliest moment is woken first, and once nothing more follows of that, the
 * next one. Pauses are never shortened at random, so that a test waits equally long each time.
 *
 * Only what a flow waits for by itself takes virtual time. A transform that waits for a real timer takes real time.
 */
export class VirtualClock implements Clock {
  #now: number;
  /** By time; those of one moment in the order in which they came. */
  readonly #sleepers: Sleeper[] = [];
  #isTurning = false;

  /** Milliseconds since the epoch. */
  constructor(startMs: number) {
    this.#now = startMs;
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.#now;
  }

  random(): number {
    return 1;
  }

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const give = () => {
      this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
      reject(signal?.reason);
    };
    const wake = () => {
      signal?.removeEventListener("abort", give);
      resolve();
    };
    const sleeper = { at: this.#now + Math.max(0, ms), wake };
    const behind = this.#sleepers.findIndex(({ at }) => at > sleeper.at);
    this.#sleepers.splice(behind < 0 ? this.#sleepers.length : behind, 0, sleeper);
    signal?.addEventListener("abort", give, { once: true });
    this.#turn();
    return promise;
  }

  /** A turn of the loop: all promises that can settle have settled then. */
  #turn(): void {
    if (this.#isTurning || this.#sleepers.length === 0) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      const next = this.#sleepers.shift();
      if (!next) return;
      this.#now = next.at;
      next.wake();
      this.#turn();
    });
  }
}
