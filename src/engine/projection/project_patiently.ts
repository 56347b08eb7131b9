/** A projector that waits where only a rebuild helps: the other roles of its process go on meanwhile, and so does it then. */
import { delay } from "../core/delay.ts";
import type { Assignment } from "../core/ports.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { RebuildNeededError } from "./rebuild_needed.ts";
import { type ProjectorDeps, projectPartition } from "./project_partition.ts";

/** How often it looks whether somebody has rebuilt, or put back the version that this program makes. */
const lookAgainMs = 2_000;

/**
 * {@linkcode projectPartition}, going on by itself once the tables fit again: when a newer program has swapped its version
 * in, when a topic was recreated, when a position lies outside the log. What it waits for is in `health`, as
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
      if (!(error instanceof RebuildNeededError)) throw error;
      // The same reason, found once more, is no change.
      if (error.reason !== waitingFor) onStarted();
      waitingFor = error.reason;
      // It lapses when the partition goes to another process in the meantime.
      const forMsMax = 5 * options.lookAgainMs;
      deps.health?.down(name, error.message, { cause: error.reason, forMsMax });
    }
    await delay(options.lookAgainMs, signal).catch(() => {});
  }
}
