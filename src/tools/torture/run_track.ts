/** Strikes the faults of one track, one after another. */
import { delay } from "../../engine/core/delay.ts";
import type { Arena } from "./arena.ts";
import type { FaultKind, PlannedFault, Track } from "./fault.ts";
import type { Recoveries } from "./recoveries.ts";
import type { Summary } from "./summary.ts";

/** One track: fault after fault until the time is over. */
export async function runTrack(
  arena: Arena,
  track: Track,
  faults: readonly PlannedFault[],
  kinds: readonly FaultKind[],
  summary: Summary,
  recoveries: Recoveries,
  signal: AbortSignal,
): Promise<void> {
  for (const planned of faults) {
    await delay(planned.pauseMs, signal).catch(() => {});
    if (signal.aborted) return;
    const kind = kinds.find((candidate) => candidate.kind === planned.kind);
    if (!kind) throw new Error(`${track}: there is no fault of kind ${planned.kind}`);
    try {
      const landed = await kind.strike(arena, planned, signal);
      if (landed) recoveries.struck(planned.kind, planned.victim, performance.now());
      summary.struck(planned, landed);
    } catch (error) {
      if (signal.aborted) return;
      summary.failed(planned, error);
    }
  }
}
