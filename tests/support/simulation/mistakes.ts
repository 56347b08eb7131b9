/** Mistakes that a lane, a committer or a client of Kafka can make, one each: what a simulation must find. */
import {
  atLeastOnce,
  atMostOnce,
  type Delivery,
  exactlyOnce,
} from "../../../src/engine/core/delivery.ts";
import { formatPartition } from "../../../src/engine/core/record.ts";
import { TransactionError, type Transactions } from "../../../src/engine/core/ports.ts";
import { believingOffsets } from "../mutants/believing_offsets.ts";
import { offsetsOutside, randomlyNamed } from "../mutants/mutated_transactions.ts";
import {
  atTheSameTime,
  keepingWhatFailed,
  loadedOnce,
  readingUncommitted,
  unheardDoubt,
  upToTheStableEnd,
} from "../mutants/mutated_state.ts";
import type { Mistake, Worker } from "./worker.ts";

/** By what is wrong. */
export const mistakes: Readonly<Record<string, Mistake>> = {
  "outputs first, the offset after them": {
    delivery: (_right, worker) => atLeastOnce(() => plainProducer(worker)),
  },
  "the offset first, outputs after it": {
    delivery: (_right, worker) => atMostOnce(() => plainProducer(worker)),
  },
  "the offset is committed after the outputs, in a transaction of its own": {
    transactions: (right) => dyingNever(offsetsOutside, right),
  },
  "offsets without the member's generation": {
    transactions: (right) => changingWrites(right, (write) => ({ ...write, member: undefined })),
  },
  "the generation is looked up when the offsets arrive": {
    joinsWithoutPause: true,
    transactions: (right, worker) =>
      changingWrites(right, ({ member, ...write }) => ({
        ...write,
        member: member && {
          memberId: member.memberId,
          get generationId() {
            return worker.member?.generationId ?? member.generationId;
          },
        },
      })),
  },
  "the offset is read as it stands, whatever is pending": {
    // A member that lives ends what it has left open; what is pending must outlast one that is frozen.
    network: { lost: 0.01, late: 0.1, lateMsMax: 6_000, usualMsMax: 10 },
    transactions: (right, { host, broker }) => ({
      ...bound(right),
      stableOffset: (_group, place) => host.request(() => broker.committedOffset(place)),
    }),
  },
  "a transactional id of its own for each producer, and offsets from anybody": {
    transactions: (right) =>
      changingWrites(randomlyNamed(right), (write) => ({ ...write, member: undefined })),
  },
  "the producer is used again after an outcome that is not known": {
    transactions: (right) => reusing(right),
  },
  "an answer that was lost counts as committed": {
    delivery: (right) => believing(right),
  },
  "a commit whose answer was lost is sent again": {
    delivery: (right) => repeating(right),
  },
  "the parked keys are loaded once and never again": {
    parking: (right) => {
      const loaded = new Map<string, ReturnType<typeof right.load>>();
      return {
        load(lane, signal) {
          const found = loaded.get(`${lane.partition}`) ?? right.load(lane, signal);
          loaded.set(`${lane.partition}`, found);
          found.catch(() => loaded.delete(`${lane.partition}`));
          return found;
        },
      };
    },
  },
  "the state is loaded once and never again": {
    state: (right) => loadedOnce(right),
  },
  "the state is read back with what was aborted": {
    stateLog: (right, { broker }) =>
      readingUncommitted(right, (place) => broker.everything.get(formatPartition(place)) ?? []),
  },
  "the state is read back before the last transaction is settled": {
    stateLog: (right) => upToTheStableEnd(right),
  },
  "what a failed transaction has kept stays": {
    state: (right) => keepingWhatFailed(right),
  },
  "inputs plan at the same time on the state that they share": {
    state: (right) => atTheSameTime(right),
  },
  "a commit of one input that has failed is not heard of by the other": {
    state: (right) => unheardDoubt(right),
  },
  "an offset counts whoever has committed it": {
    foreignOffset: true,
    delivery: (right) => believingOffsets(right),
  },
  "a group without offsets is a new one, whatever its lanes have kept": {
    lostOffsets: true,
    delivery: (_right, { committer, host }) => exactlyOnce(committer, undefined, host.clock),
  },
};

/** The same accident as in the mistakes that are found, done right. */
export const soundParts: Readonly<Record<string, Mistake>> = {
  "a member that joins while a transaction is under way": { joinsWithoutPause: true },
  "another consumer commits an offset": { foreignOffset: true },
  "the group's offsets are lost": { lostOffsets: true },
};

type Write = Parameters<Awaited<ReturnType<Transactions["open"]>>["commit"]>[0];

function bound(right: Transactions): Transactions {
  return {
    open: right.open.bind(right),
    shutOut: right.shutOut.bind(right),
    stableOffset: right.stableOffset.bind(right),
  };
}

function changingWrites(right: Transactions, change: (write: Write) => Write): Transactions {
  return {
    ...bound(right),
    open: async (id, signal) => {
      const transactor = await right.open(id, signal);
      return {
        transactionalId: id,
        commit: (write) => transactor.commit(change(write)),
        [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
      };
    },
  };
}

/** Without the death in between that the mutant has by itself: the simulation has deaths enough. */
function dyingNever(
  mutant: (transactions: Transactions) => Transactions,
  right: Transactions,
): Transactions {
  return mutant(right);
}

/** InitProducerId once a process and id: what was left open then goes on. */
function reusing(right: Transactions): Transactions {
  const opened = new Map<string, ReturnType<Transactions["open"]>>();
  return {
    ...bound(right),
    open(id, signal) {
      const found = opened.get(id) ?? right.open(id, signal);
      opened.set(id, found);
      found.catch(() => opened.delete(id));
      return found.then((transactor) => ({
        transactionalId: id,
        commit: (write) =>
          transactor.commit(write).catch((error) => {
            const isLost = error instanceof TransactionError && error.verdict === "unknown";
            if (!isLost) opened.delete(id);
            throw error;
          }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }));
    },
  };
}

function believing(right: Delivery): Delivery {
  return afterLostAnswers(right, () => Promise.resolve());
}

function repeating(right: Delivery): Delivery {
  return afterLostAnswers(right, (again) => again());
}

function afterLostAnswers(right: Delivery, then: (again: () => Promise<void>) => Promise<void>) {
  const delivery: Delivery = {
    ...right,
    async open(...request) {
      const session = await right.open(...request);
      return {
        ...session,
        commit: (...given) =>
          session.commit(...given).catch((error) => {
            const isLost = error instanceof TransactionError && error.verdict === "unknown";
            if (!isLost || !error.begun) throw error;
            return then(() => session.commit(...given));
          }),
      };
    },
  };
  return delivery;
}

function plainProducer({ host, broker }: Worker) {
  return Promise.resolve({
    send: (records: Write["records"]) => host.request(() => broker.produceAlone(records)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
