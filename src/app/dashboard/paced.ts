/** Repeats a read that may be expensive so that it never takes more than a small share of the time. */
import type { Known } from "./dashboard_data.ts";

/** Bounds of a paced read. */
export interface Pace {
  /** The shortest time from one start to the next, milliseconds. */
  readonly everyMsMin: number;
  /** The largest share of the time that the read may run: at 0.05 a read of one second is repeated every 20. */
  readonly shareMax: number;
  /** How long a caller waits for a read under way before it takes the last result, milliseconds. */
  readonly waitMsMax: number;
}

/** A read, and its last result. */
export interface Paced<T> {
  /** The last result, renewed first where that is due. Never rejects: a failure is a reason. */
  read(): Promise<Known<T>>;
  /** Resolves once nothing is under way. */
  settle(): Promise<void>;
}

/**
 * After so long a read is no work any more, milliseconds: no statement of ours may run for half of it. What it reads does not
 * answer, and the last result is no news; nor is it paced by more than that once it has come back.
 */
const hungMsMax = 10_000;

/**
 * Makes a paced read. Nobody asking, nothing is read: the page costs nothing while nobody looks at it.
 *
 * A count over a table is read in this way, instead of an estimate of the planner's: the figure is exact and says its
 * age, and a table that takes a second to count costs 5 % of one connection however many people watch.
 *
 * @param costMs what the read cost, where the value tells; the time that it took, as seen from here, where not
 */
export function paced<T>(
  work: () => Promise<T>,
  describe: (error: unknown) => string,
  { everyMsMin, shareMax, waitMsMax }: Pace,
  clock?: () => number,
  costMs: (value: T) => number | undefined = () => undefined,
): Paced<T> {
  // Intervals by the clock that only goes forward, the age that is shown by the other.
  const steady = clock ?? (() => performance.now());
  const wall = clock ?? Date.now;
  let last: Known<T> = { known: false, reason: "Still being read for the first time" };
  let running: Promise<void> | undefined;
  let nextAt = -Infinity;
  let began = 0;

  async function run(): Promise<void> {
    const startedAt = began = steady();
    const asOf = new Date(wall());
    let cost: number | undefined;
    try {
      const value = await work();
      cost = costMs(value);
      last = { known: true, as_of: asOf.toISOString(), value };
    } catch (error) {
      last = { known: false, reason: describe(error) };
    }
    const tookMs = Math.min(cost ?? steady() - startedAt, hungMsMax);
    nextAt = startedAt + Math.max(everyMsMin, tookMs / shareMax);
    running = undefined;
  }

  return {
    async read() {
      if (running === undefined && steady() >= nextAt) running = run();
      if (running !== undefined) await atMost(running, waitMsMax);
      const waitedMs = running === undefined ? 0 : steady() - began;
      if (waitedMs < hungMsMax) return last;
      const unanswered = new UnansweredError(`no answer for ${Math.round(waitedMs / 1_000)} s`);
      return { known: false, reason: `${describe(unanswered)}: ${unanswered.message}` };
    },
    settle: async () => await running,
  };
}

/** What was asked has not answered. */
class UnansweredError extends Error {
  override name = "UnansweredError";
}

/** Waits for the promise, but no longer than that. */
async function atMost(promise: Promise<void>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([promise, enough]);
  clearTimeout(timer);
}
