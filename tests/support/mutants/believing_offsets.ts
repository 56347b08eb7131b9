/** A delivery that takes a committed offset at its word, as most consumers do: it asks neither who set it nor for which topic. */
import type { Delivery } from "../../../src/engine/core/delivery.ts";

/** The same delivery whose sessions know no identity of the topic and no note of the lane. */
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
