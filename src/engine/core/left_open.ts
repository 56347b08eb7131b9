/** The transaction that a failure may have left open, and the attempts to end it. Knows nothing of how that is done. */
import { type Clock, systemClock } from "./clock.ts";
import { backoffMs } from "./retry_policy.ts";

/** How long to wait, first and at most, before the next attempt, milliseconds. */
const [againMs, againMsMax] = [250, 5_000];

/**
 * What is open is in the way of readers, and of a partition's next owner, also where no lane has anything to commit for long.
 * So its id is kept until it has ended: coordinators that have just moved refuse that for a while.
 */
export class LeftOpen {
  #id: string | undefined;

  constructor(
    /** Ends what is open under the id; false where it is not the time to do so, and somebody will call `end` later. */
    readonly endUnder: (id: string) => Promise<boolean>,
    readonly signal: AbortSignal,
    readonly clock: Clock = systemClock,
  ) {}

  /** Nothing where undefined. */
  set(id: string | undefined): void {
    this.#id = id;
  }

  async end(): Promise<void> {
    const id = this.#id;
    for (let failures = 0; id !== undefined && id === this.#id && !this.signal.aborted;) {
      try {
        if (!await this.endUnder(id)) return;
        if (this.#id === id) this.#id = undefined;
      } catch {
        const pauseMs = backoffMs(++failures, againMs, againMsMax, this.clock.random);
        await this.clock.delay(pauseMs, this.signal).catch(() => {});
      }
    }
  }
}
