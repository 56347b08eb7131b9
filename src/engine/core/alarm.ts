/** Wakes loops that pause until there is something to do. Keeps nothing of a pause that is over. */

/**
 * `Promise.race` of a pause with a promise that stays open keeps some 300 bytes for every pause: 190 MB in an idle week of
 * one pause a second.
 */
export class Alarm {
  #rung = 0;
  readonly #pausing = new Set<() => void>();

  /** How often it has rung. Read it before the work, and hand it to `pause` after it: so no ring is missed. */
  get rung(): number {
    return this.#rung;
  }

  /** How many pauses it would end. */
  get pausing(): number {
    return this.#pausing.size;
  }

  ring(): void {
    this.#rung++;
    for (const end of this.#pausing) end();
  }

  /** Resolves after `ms` milliseconds, or as soon as it rings; at once where it has rung since `rung` was read. */
  pause(ms: number, rung: number): Promise<void> {
    if (this.#rung !== rung) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pausing.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pausing.add(end);
    });
  }
}
