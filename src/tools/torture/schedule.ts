/** Draws a run's faults from its seed. Pure: the same seed, length and stage give the same schedule. */
import { type FaultKind, type PlannedFault, type Stage, type Track, tracks } from "./fault.ts";
import { seededRandom } from "./random.ts";

/** How dense the faults of a track are: the shortest and the longest pause between two of them, milliseconds. */
export type Density = Readonly<Record<Track, readonly [pauseMsMin: number, pauseMsMax: number]>>;

/** A worker that was killed is missed for a session's time-out: more faults than these would find no transaction. */
export const usualDensity: Density = {
  worker: [2_000, 7_000],
  relay: [300, 3_000],
  projector: [1_000, 5_000],
  network: [200, 1_500],
  infrastructure: [1_000, 6_000],
};

/** More than any run gets through: a track goes on until the time is over. */
const faultsPerTrackMax = 2_000;

/** An endless-enough list of faults for each track. The first of each kind come early, so that short runs see them all. */
export function drawSchedule(
  seed: string,
  stage: Stage,
  kinds: readonly FaultKind[],
  density: Density,
): Map<FaultKind["track"], PlannedFault[]> {
  const schedule = new Map<FaultKind["track"], PlannedFault[]>();
  for (const track of tracks) {
    const random = seededRandom(`${seed}/${track}`);
    const usable = kinds.filter((kind) =>
      kind.track === track && (!kind.needsThreeBrokers || stage.brokers === 3) &&
      (!kind.needsProtocol1 || stage.transactionProtocol === 1)
    );
    if (usable.length === 0) continue;
    const first = shuffled(usable, (high) => random.integer(0, high));
    schedule.set(
      track,
      Array.from({ length: faultsPerTrackMax }, (_, index): PlannedFault => {
        const kind = first[index] ?? random.weighted(usable);
        const { victim, amounts = {} } = kind.draw(random, stage);
        const pauseMs = random.integer(...density[track]);
        return { track, kind: kind.kind, pauseMs, victim, amounts };
      }),
    );
  }
  return schedule;
}

function shuffled<T>(items: readonly T[], integerUpTo: (high: number) => number): T[] {
  const result = [...items];
  for (let at = result.length - 1; at > 0; at--) {
    const other = integerUpTo(at);
    const [a, b] = [result[at], result[other]];
    if (a !== undefined && b !== undefined) [result[at], result[other]] = [b, a];
  }
  return result;
}
