/** Tells when it is time to note again how far a lane or a relay has come. Owns no I/O. */

const noteEveryMs = 1_000;

/** Due at first, and once a second: a note in every transaction would cost the broker a partition more in each. */
export class NoteClock {
  #notedAt = -Infinity;

  /** `clock` only goes forward, milliseconds. */
  constructor(readonly clock: () => number = () => performance.now()) {}

  /** True at most once a second: whoever is told so makes the note. */
  isDue(): boolean {
    const now = this.clock();
    if (now - this.#notedAt < noteEveryMs) return false;
    this.#notedAt = now;
    return true;
  }
}
