/** Transactions that make one deliberate mistake each. */
import type { Delivery } from "../../../src/core/delivery.ts";
import { TransactionError, type Transactions } from "../../../src/core/ports.ts";

/** The cursor (or offset) is committed after the events, not with them; the process dies once in between. */
export function offsetsOutside(transactions: Transactions): Transactions {
  let died = false;
  return {
    stableOffset: transactions.stableOffset.bind(transactions),
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

/** Exactly-once with a transactional id of each session's own: nobody is ever fenced. */
export function randomlyNamed(transactions: Transactions): Delivery {
  return {
    guarantee: "exactly-once",
    async open({ groupId, reader, signal }) {
      const { topic, partition } = reader;
      const transactor = await transactions.open(`random-${crypto.randomUUID()}`, signal);
      return {
        start: await transactions.stableOffset(groupId, reader, signal),
        commit: (records, offset) =>
          transactor.commit({ records, offsets: [{ groupId, topic, partition, offset }] }),
        [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
      };
    },
  };
}
