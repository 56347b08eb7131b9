/** Mistakes that a relay can make, one each: what its simulation must find. */
import type { AtomicWrite, Transactions, Transactor } from "../../../src/engine/core/ports.ts";
import { offsetsOutside, randomlyNamed } from "../mutants/mutated_transactions.ts";
import { days, type RelayMistake } from "./relay_life.ts";

/** By what is wrong. */
export const relayMistakes: Readonly<Record<string, RelayMistake>> = {
  "the cursor is committed after the rows, in a transaction of its own": {
    transactions: offsetsOutside,
  },
  "a transactional id of its own for each session of a relay": { transactions: randomlyNamed },
  "a publication whose answer was lost is sent again": {
    transactions: (right) =>
      committing(right, (write, { commit }) => commit(write).catch(() => commit(write))),
  },
  "a publication whose answer was lost counts as committed": {
    transactions: (right) =>
      committing(right, (write, { commit }) => commit(write).catch(() => {})),
  },
  "the lead has no end while its process lives": {
    trouble: days,
    leadTimes: { validMs: Infinity },
  },
  "a leader that does nothing keeps the lead": {
    trouble: days,
    leadTimes: { stuckMsMax: Infinity, openMsMax: Infinity, hungMsMax: Infinity },
  },
  "rows are deleted by their age, published or not": {
    store: (right) => ({
      ...right,
      remove: (retention) => right.remove({ ...retention, cursor: Infinity }),
    }),
  },
};

function committing(
  right: Transactions,
  commit: (write: AtomicWrite, right: Transactor) => Promise<void>,
): Transactions {
  return {
    ...right,
    async open(id, signal) {
      const transactor = await right.open(id, signal);
      return { ...transactor, commit: (write) => commit(write, transactor) };
    },
  };
}
