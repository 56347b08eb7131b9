/** What one process measures and reports, and the observers that feed it. */
import { createHealth, type Health } from "../../engine/core/health.ts";
import { laneObserver } from "../../engine/observe/lane_observer.ts";
import { createMetrics, type Metrics } from "../../engine/observe/metrics.ts";
import { projectorObserver } from "../../engine/observe/projector_observer.ts";
import { relayObserver } from "../../engine/observe/relay_observer.ts";
import { horizon, type HorizonHolder } from "../../engine/outbox/horizon.ts";
import { version } from "../../engine/version.ts";
import type { Sql } from "../../engine/postgres/sql.ts";
import { type WorkerObservers } from "./run_worker.ts";
import type { groupsOf } from "./roles.ts";
import type { LaneFigures } from "../../engine/flow/judge_lanes.ts";
import type { RelayFigures } from "../../engine/outbox/watch_relays.ts";

/** Metrics and conditions of one process. */
export interface Observability {
  readonly metrics: Metrics;
  readonly health: Health;
}

/** A fresh set: no process-wide registry. */
export function createObservability(): Observability {
  const [metrics, health] = [createMetrics(), createHealth()];
  metrics.buildInfo.set({ version }, 1);
  metrics.onScrape(() => {
    metrics.checkOk.reset();
    for (const { name: check, ok } of health.ready().checks) {
      metrics.checkOk.set({ check }, ok ? 1 : 0);
    }
    return Promise.resolve();
  });
  return { metrics, health };
}

/** What the watches tell, as metrics; the series of a lane or shard go with it. */
export function watchFigures(
  { metrics }: Observability,
  { projector }: Pick<ReturnType<typeof groupsOf>, "projector">,
): LaneFigures & RelayFigures {
  return {
    lag: ({ groupId: group, topic, partition }, records) =>
      metrics.lagRecords.set({ group, topic, partition }, records),
    stableOffsetAge: ({ topic, partition }, seconds) =>
      metrics.stableOffsetAgeSeconds.set({ topic, partition }, seconds),
    ended({ groupId: group, topic, partition }, last) {
      metrics.lagRecords.remove({ group, topic, partition });
      if (group === projector) metrics.projectionPosition.remove({ topic, partition });
      if (last) metrics.stableOffsetAgeSeconds.remove({ topic, partition });
    },
    backlog(shard, { oldestSeconds, rows }) {
      metrics.outboxOldestSeconds.set({ shard }, oldestSeconds);
      metrics.outboxBacklogRows.set({ shard }, rows);
    },
    left(shard) {
      metrics.outboxOldestSeconds.remove({ shard });
      metrics.outboxBacklogRows.remove({ shard });
    },
  };
}

/** Postgres' oldest writing transaction, read at each scrape; one question at a time. */
export function observeHorizon({ metrics }: Observability, sql: Sql): void {
  let seen: { readonly xmin: string; readonly since: number } | undefined;
  let asked: Promise<void> | undefined;
  const read = async () => {
    const { xmin, ageMs, holder } = await horizon(sql);
    const now = performance.now();
    if (!holder || seen?.xmin !== xmin) seen = { xmin, since: now };
    // Postgres hides how old the transactions of others are from a user without pg_read_all_stats.
    const seenMs = holder ? now - seen.since : 0;
    metrics.horizonAgeSeconds.set(Math.max(ageMs, seenMs) / 1000);
    metrics.horizonHolder.reset();
    if (holder) metrics.horizonHolder.set(labelsOf(holder), 1);
  };
  metrics.onScrape(() => asked ??= read().finally(() => asked = undefined));
}

function labelsOf(holder: HorizonHolder) {
  const { database } = holder;
  return holder.kind === "prepared"
    ? { pid: "", name: holder.gid, state: "prepared", database }
    : { pid: String(holder.pid), name: holder.applicationName, state: holder.state, database };
}

/** Observers for all background roles. */
export function workerObservers({ metrics, health }: Observability): WorkerObservers {
  for (const outcome of ["commit", "abort"]) metrics.forgottenTransactions.inc({ outcome }, 0);
  return {
    lane: laneObserver(metrics, health, "invoicing"),
    relay: relayObserver(metrics, health),
    forgotten: (outcome) => metrics.forgottenTransactions.inc({ outcome }),
    projector: projectorObserver(metrics, health),
    assigned(group, partitions) {
      metrics.rebalances.inc({ group });
      metrics.assignedPartitions.set({ group }, partitions.length);
    },
  };
}
