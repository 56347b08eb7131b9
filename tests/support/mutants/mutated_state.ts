/** What can be wrong with the state of keys: what it is read back from, how far, and what is left of a commit that failed. */
import type { InputRecord, TopicPartition } from "../../../src/engine/core/record.ts";
import type { LaneState } from "../../../src/engine/core/state.ts";
import type { StatePlan } from "../../../src/engine/core/state_plan.ts";
import type { RecordLog } from "../../../src/engine/dead_letters/record_log.ts";

/** Reads whatever was written, aborted or not. */
export function readingUncommitted(
  right: RecordLog,
  everything: (place: TopicPartition) => readonly InputRecord[],
): RecordLog {
  return {
    ...right,
    async openReader(place, from) {
      const end = await right.highWatermark(place);
      const reader = await right.openReader(place, from);
      return Object.assign(reader, {
        next: () =>
          Promise.resolve({
            records: everything(place).filter(({ offset }) => offset >= from && offset < end),
            nextOffset: end,
          }),
      });
    },
  };
}

/** Reads what is stable at this moment, though the last transaction below the committed offset may have markers to come. */
export function upToTheStableEnd(right: RecordLog): RecordLog {
  return { ...right, highWatermark: async (place) => (await right.range(place)).end };
}

/** What a plan has changed stays, whatever has become of its transaction. */
export function keepingWhatFailed(right: LaneState): LaneState {
  let last: StatePlan | undefined;
  return {
    ...right,
    plan: () => last = right.plan(),
    doubt() {
      last?.committed();
      right.doubt();
    },
    [Symbol.dispose]: () => right[Symbol.dispose](),
  };
}

/** What another transaction has made of it, or one whose end was not heard of, is never seen. */
export function loadedOnce(right: LaneState): LaneState {
  let loaded: Promise<void> | undefined;
  return {
    ...right,
    load: (...request) =>
      loaded ??= right.load(...request).catch((error) => {
        loaded = undefined;
        throw error;
      }),
    [Symbol.dispose]: () => right[Symbol.dispose](),
  };
}

/** Of several inputs with the same keys each plans on what it finds, whatever the other has under way. */
export function atTheSameTime(right: LaneState): LaneState {
  return {
    ...right,
    hold: () => Promise.resolve({ [Symbol.dispose]: () => {} }),
    [Symbol.dispose]: () => right[Symbol.dispose](),
  };
}

/** One input's commit has failed, or may have: the other goes on with what it had before. */
export function unheardDoubt(right: LaneState): LaneState {
  return { ...right, doubt: () => {}, [Symbol.dispose]: () => right[Symbol.dispose]() };
}
