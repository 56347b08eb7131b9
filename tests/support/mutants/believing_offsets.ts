/** Parts that take what is noted beside a position at its word, as most programs do: they do not ask what it counts in. */
import type { Delivery } from "../../../src/engine/core/delivery.ts";
import type { PartitionReader } from "../../../src/engine/core/ports.ts";
import type { RecordLog } from "../../../src/engine/dead_letters/record_log.ts";

/** The same delivery whose sessions know no identity of the topic and no note of the lane: whoever set an offset is right. */
export function believingOffsets(delivery: Delivery): Delivery {
  return {
    ...delivery,
    async open(assignment, known) {
      const session = await delivery.open(assignment, known);
      return {
        start: session.start,
        commit: (...given) => session.commit(...given),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
  };
}

/** The same reader, to which a log at this place is the one that was read, whatever lies below the offset. */
export function believingLog<T extends PartitionReader>(reader: T): T {
  return Object.defineProperty(reader, "divergence", { value: undefined });
}

/** The same log of a redrive, to which every topic is the one with this identity, also when it was recreated. */
export function believingNames(log: RecordLog, id: string | undefined): RecordLog {
  return { ...log, topicId: () => Promise.resolve(id) };
}
