/**
 * The torture's own flow: numbered events of a few keys, each of which becomes nothing, one event or several. What must
 * come out follows from the numbers alone, so a reader that knows nothing of the engine can check it. Under exactly-once it
 * keeps a count for each key, too, and each part says it.
 */
import { z } from "zod";
import { PoisonError } from "../../engine/core/errors.ts";
import type { Guarantee } from "../../engine/core/delivery.ts";
import { defineFlow, type Flow } from "../../engine/core/flow.ts";
import { keyedState } from "../../engine/core/keyed_state.ts";
import { topic } from "../../engine/core/topic_contract.ts";
import { stateTopicOf } from "../../engine/state/state_changelog.ts";

/** The topics of one flow. */
export interface SequenceTopics {
  readonly input: string;
  readonly output: string;
  readonly deadLetters: string;
}

/** Topics whose names start so. */
export function sequenceTopicsNamed(prefix: string): SequenceTopics {
  return { input: `${prefix}.in`, output: `${prefix}.out`, deadLetters: `${prefix}.in.DLQ` };
}

/** The topics of a torture's run. */
export const sequenceTopics: SequenceTopics = sequenceTopicsNamed("torture");

/** Event number `seq` (from 1, without holes) of its key. */
export const sequenceEvent = z.object({ key: z.string(), seq: z.int().min(1), pad: z.string() });
/** As read. */
export type SequenceEvent = z.output<typeof sequenceEvent>;

/** Part `part` (from 0) of what event `seq` became. */
export const sequencePart = z.object({
  key: z.string(),
  seq: z.int(),
  part: z.int(),
  of: z.int(),
  pad: z.string(),
  /** How many of its key were processed until then, where the flow keeps count. */
  count: z.int().optional(),
});

/** What the flow keeps for each key: how many were processed. */
export const sequenceCount = z.object({ count: z.int() });

/** What it must be once event `seq` was processed: all up to it, but for dead letters, which change nothing. */
export function countAt(seq: number): number {
  return seq - Math.floor((seq + 1) / 11);
}

/** What becomes of event `seq`: how many parts, 0 for a record that is filtered, or a dead letter. */
export function fateOf(seq: number): number | "dead-letter" {
  const rest = seq % 11;
  if (rest === 10) return "dead-letter";
  return rest === 9 ? 0 : [1, 0, 1, 2, 1, 3, 1, 0, 5][rest] ?? 1;
}

/** The flow; state it keeps under exactly-once alone. */
export function sequenceFlow(guarantee: Guarantee = "exactly-once"): Flow<SequenceEvent> {
  const input = topic(sequenceTopics.input, { read: sequenceEvent, key: ({ key }) => key });
  const output = topic(sequenceTopics.output, { read: sequencePart, key: ({ key }) => key });
  const keepsCount = guarantee === "exactly-once";
  return defineFlow({
    name: "torture",
    from: input,
    to: [output],
    deadLetters: sequenceTopics.deadLetters,
    state: keepsCount ? keyedState({ read: sequenceCount }) : undefined,
    transform({ key, seq, pad }, { state }) {
      const count = keepsCount ? (state.get()?.count ?? 0) + 1 : undefined;
      if (count !== undefined) state.set({ count });
      const fate = fateOf(seq);
      if (fate === "dead-letter") throw new PoisonError(`number ${seq} is refused`);
      return Array.from(
        { length: fate },
        (_, part) => output.event({ key, seq, part, of: fate, pad, count }),
      );
    },
  });
}

/** Where it keeps its state; undefined where it keeps none. */
export function sequenceStateTopic(guarantee: Guarantee): string | undefined {
  const flow = sequenceFlow(guarantee);
  return flow.state && stateTopicOf(flow);
}
