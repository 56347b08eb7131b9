/** Tells when it is time to keep a checkpoint again of how far a lane or a relay has come. Owns no I/O. */

const checkpointEveryMs = 1_000;

/** Due at first, and once a second: a checkpoint in every transaction would cost the broker a partition more in each. */
export class CheckpointClock {
  #writtenAt = -Infinity;

  /** `clock` only goes forward, milliseconds. */
  constructor(readonly clock: () => number = () => performance.now()) {}

  /** True at most once a second: whoever is told so writes the checkpoint. */
  isDue(): boolean {
    const now = this.clock();
    if (now - this.#writtenAt < checkpointEveryMs) return false;
    this.#writtenAt = now;
    return true;
  }
}
