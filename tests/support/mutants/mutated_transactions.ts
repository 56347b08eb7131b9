/** Transactions that make one deliberate mistake each. */
import { TransactionError, type Transactions } from "../../../src/engine/core/ports.ts";

/** The cursor (or offset) is committed after the events, not with them; the process dies once in between. */
export function offsetsOutside(transactions: Transactions): Transactions {
  let died = false;
  return {
    stableOffset: transactions.stableOffset.bind(transactions),
    shutOut: transactions.shutOut.bind(transactions),
    async open(id, signal) {
      const transactor = await transactions.open(id, signal);
      return {
        transactionalId: id,
        async commit({ records, offsets }) {
          await transactor.commit({ records, offsets: [] });
          if (!died) {
            died = true;
            throw new TransactionError("unknown", "the process died here");
          }
          await transactor.commit({ records: [], offsets });
        },
        [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
      };
    },
  };
}

/** The right way with the same accident: the process dies once after a commit. */
export function dyingAfterCommit(transactions: Transactions): Transactions {
  let died = false;
  return {
    stableOffset: transactions.stableOffset.bind(transactions),
    shutOut: transactions.shutOut.bind(transactions),
    async open(id, signal) {
      const transactor = await transactions.open(id, signal);
      return {
        transactionalId: id,
        async commit(write) {
          await transactor.commit(write);
          if (died) return;
          died = true;
          throw new TransactionError("unknown", "the process died here");
        },
        [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
      };
    },
  };
}

/** Each producer has a transactional id of its own: nobody is ever fenced by it. */
export function randomlyNamed(transactions: Transactions): Transactions {
  return {
    stableOffset: transactions.stableOffset.bind(transactions),
    shutOut: transactions.shutOut.bind(transactions),
    open: async (id, signal) =>
      Object.assign(await transactions.open(`random-${crypto.randomUUID()}`, signal), {
        transactionalId: id,
      }),
  };
}
