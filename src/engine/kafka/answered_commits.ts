/** Remembers which transactions this process saw committed: an answered EndTxn proves an outcome, whatever is asked later. */

/** Under protocol 2 each transaction has an epoch of its own, so that these two name it. */
export interface NamedTransaction {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

interface Range {
  readonly from: number;
  to: number;
}

/** Sessions that are remembered of one producer id; a forgotten transaction is one of the latest. */
const rangesMax = 16;

/** The commits of one process, as ranges of epochs: a session commits one epoch after the other. */
export class AnsweredCommits {
  readonly #ranges = new Map<bigint, Range[]>();

  /** EndTxn was answered: it is committed. */
  add({ producerId, producerEpoch: epoch }: NamedTransaction): void {
    const ranges = this.#ranges.get(producerId);
    const last = ranges?.at(-1);
    if (last?.to === epoch - 1) last.to = epoch;
    else if (!ranges) this.#ranges.set(producerId, [{ from: epoch, to: epoch }]);
    else {
      ranges.push({ from: epoch, to: epoch });
      if (ranges.length > rangesMax) ranges.shift();
    }
  }

  /** Whether that very transaction was seen to commit; false where this process does not know. */
  has({ producerId, producerEpoch: epoch }: NamedTransaction): boolean {
    return this.#ranges.get(producerId)?.some(({ from, to }) => from <= epoch && epoch <= to) ??
      false;
  }
}
