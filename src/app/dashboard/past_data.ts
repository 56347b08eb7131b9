/** The documents of the page that look back: the last hour, and the last runs of the tools. Times are ISO 8601 in UTC. */
import type { Counts } from "./dashboard_data.ts";

/** `GET /dashboard/history.json`: the last hour, as far as this process has it. */
export interface DashboardHistory {
  /** The moment of the first point; null where there is none yet. */
  readonly since: string | null;
  readonly every_seconds: number;
  readonly keeps_seconds: number;
  readonly points: readonly HistoryPoint[];
}

/** The figures at a moment; null where one was not known. */
export interface HistoryPoint {
  readonly at: string;
  readonly counts:
    | ({ readonly as_of: string } & Pick<Counts, "placed" | "invoiced" | "dead_lettered">)
    | null;
  readonly outbox_oldest_seconds: number | null;
  readonly worker_records: number | null;
  readonly projector_records: number | null;
  readonly workers: number | null;
  readonly p95_seconds: number | null;
}

/** `GET /dashboard/runs.json`: what the last torture and the last benchmark on this machine have found. */
export interface LastRuns {
  readonly torture: Run<TortureRun>;
  readonly bench: Run<BenchRun>;
}

/** A run, or why there is none to show. */
export type Run<T> =
  | { readonly found: true; readonly at: string; readonly file: string; readonly value: T }
  | { readonly found: false; readonly reason: string };

/** What a torture has found. */
export interface TortureRun {
  readonly seed: string;
  readonly kafka: string;
  readonly guarantee: string;
  readonly minutes: number;
  readonly good: boolean;
  readonly faults_landed: number;
  readonly orders_acknowledged: number;
  readonly recovery_median_ms: number | null;
  readonly recovery_max_ms: number | null;
  readonly findings_count: number;
  /** The first of them. */
  readonly findings: readonly string[];
}

/** What a benchmark has measured: the figures with a bound, or the first of all where none has one. */
export interface BenchRun {
  readonly size: string;
  readonly command: string;
  readonly figures: readonly {
    readonly section: string;
    readonly label: string;
    readonly unit: string;
    readonly median: number;
    readonly target?: number;
    readonly met?: boolean;
  }[];
}
