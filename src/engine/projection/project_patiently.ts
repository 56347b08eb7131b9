/** A projector that waits where only a rebuild helps: the other roles of its process go on meanwhile, and so does it then. */
import { delay } from "../core/delay.ts";
import type { Assignment } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { TopicGoneError } from "../core/topic_gone_error.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import { RebuildNeededError } from "./rebuild_needed.ts";
import { type ProjectorDeps, projectPartition } from "./project_partition.ts";

/** How often it looks whether somebody has rebuilt, or put back the version that this program makes. */
const lookAgainMs = 2_000;
/** What it says holds until it has looked again, which takes as long as a topic may be missing before it counts as deleted. */
const looksMax = 10;

/**
 * {@linkcode projectPartition}, going on by itself once the tables fit again: when a newer program has swapped its version
 * in, when a topic was deleted or recreated, when a position lies outside the log. What it waits for is in `health`, as
 * `projection:<name>`.
 *
 * @throws {HaltError} for what no rebuild of this program can mend, as when the tables refuse a record
 */
export async function projectPatiently<Event extends ProjectionEvent>(
  assignment: Pick<Assignment, "reader" | "signal">,
  deps: ProjectorDeps<Event>,
  options: { readonly lookAgainMs: number } = { lookAgainMs },
): Promise<void> {
  const { signal } = assignment;
  const name = `projection:${deps.projection.name}`;
  let waitingFor: string | undefined;
  const onStarted = () => {
    if (waitingFor !== undefined) deps.health?.up(name, waitingFor);
    waitingFor = undefined;
  };
  while (!signal.aborted) {
    try {
      return await projectPartition(assignment, { ...deps, onStarted });
    } catch (error) {
      const { reason, message } = whyWait(error, assignment.reader, deps.projection);
      // The same reason, found once more, is no change.
      if (reason !== waitingFor) onStarted();
      waitingFor = reason;
      // It lapses when the partition goes to another process in the meantime.
      const forMsMax = looksMax * options.lookAgainMs;
      deps.health?.down(name, message, { cause: reason, forMsMax });
    }
    await delay(options.lookAgainMs, signal).catch(() => {});
  }
}

/** What it waits for, and what a person can do. @throws the error, where waiting would not help */
function whyWait(
  error: unknown,
  partition: TopicPartition,
  { name, replaceable }: Pick<Projection, "name" | "replaceable">,
): { readonly reason: string; readonly message: string } {
  if (error instanceof RebuildNeededError) return error;
  if (!(error instanceof TopicGoneError)) throw error;
  const { topic } = error;
  const then = replaceable?.includes(topic)
    ? "what was folded of it stays, and nothing has to be started again here"
    : "the projector then says what a rebuild of the tables would lose";
  return {
    reason: `${formatPartition(partition)} is gone`,
    // Without the partition: it is one line, however many of them wait.
    message: `Cannot project ${topic} into ${name}: the topic was deleted. ` +
      `Make it again (a worker's start makes it, too): ${then}`,
  };
}
