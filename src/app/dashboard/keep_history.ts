/** Keeps the last hour of the figures in memory, so that a page that is loaded anew has it. It ends with the process. */
import { delay } from "../../engine/core/delay.ts";
import type { DashboardData } from "./dashboard_data.ts";
import type { DashboardHistory, HistoryPoint } from "./past_data.ts";

/** The figures, and what they were. */
export interface HistoryKeeper extends AsyncDisposable {
  /** What the pages are shown; counts as a look. */
  read(): Promise<DashboardData>;
  history(): DashboardHistory;
}

/** How often, and for how long. */
export interface HistoryBounds {
  readonly everyMs: number;
  readonly keepMs: number;
  /** Milliseconds since the epoch; default the system's clock. */
  readonly clock?: () => number;
}

/**
 * Notes a point every ten seconds from the first look on, and for an hour after the last: a page that nobody opens costs
 * nothing. An hour is 360 points.
 *
 * @param read never rejects, and takes a bounded time
 */
export function keepHistory(
  read: () => Promise<DashboardData>,
  { everyMs, keepMs, clock = Date.now }: HistoryBounds = { everyMs: 10_000, keepMs: 3_600_000 },
): HistoryKeeper {
  const stop = new AbortController();
  let points: HistoryPoint[] = [];
  let looked = -Infinity;
  let noted = -Infinity;
  let keeping: Promise<void> | undefined;

  async function readAndNote(): Promise<DashboardData> {
    const data = await read();
    const now = clock();
    if (now - noted < everyMs) return data;
    noted = now;
    const from = new Date(now - keepMs).toISOString();
    points = [...points.filter(({ at }) => at > from), pointOf(data, now)];
    return data;
  }

  async function keepOn(): Promise<void> {
    while (!stop.signal.aborted && clock() - looked <= keepMs) {
      await delay(everyMs, stop.signal).catch(() => {});
      if (!stop.signal.aborted && clock() - noted >= everyMs) await readAndNote();
    }
    keeping = undefined;
  }

  return {
    async read() {
      looked = clock();
      const data = await readAndNote();
      if (!stop.signal.aborted) keeping ??= keepOn();
      return data;
    },
    history: () => ({
      since: points[0]?.at ?? null,
      every_seconds: everyMs / 1000,
      keeps_seconds: keepMs / 1000,
      points,
    }),
    async [Symbol.asyncDispose]() {
      stop.abort(new DOMException("The dashboard was closed", "AbortError"));
      await keeping;
    },
  };
}

function pointOf({ counts, lags, workers, latency }: DashboardData, now: number): HistoryPoint {
  return {
    at: new Date(now).toISOString(),
    counts: counts.known
      ? {
        as_of: counts.as_of,
        placed: counts.value.placed,
        invoiced: counts.value.invoiced,
        dead_lettered: counts.value.dead_lettered,
      }
      : null,
    outbox_oldest_seconds: lags.known ? lags.value.relay.oldest_seconds : null,
    worker_records: lags.known ? lags.value.worker.records : null,
    projector_records: lags.known ? lags.value.projector.records : null,
    workers: workers.known ? workers.value.members.length : null,
    p95_seconds: latency.known ? latency.value.p95_seconds : null,
  };
}
