/** Turns what the projectors of one process report into metrics and health. */
import { happenedAt } from "../core/cloud_event.ts";
import type { InputRecord, TopicPartition } from "../core/record.ts";
import { dependencyReporter } from "./dependency_reporter.ts";
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";

/** The callbacks of the projection room's `ProjectorDeps`, written out because this room imports only the core. */
export interface ProjectorReports {
  onApplied(
    applied: TopicPartition & {
      readonly nextOffset: number;
      readonly events: number;
      readonly skipped: number;
      readonly repeated: number;
      readonly first?: InputRecord;
    },
  ): void;
  onMoved(moved: TopicPartition & { readonly from: number; readonly to: number }): void;
  onDependency(state: "down" | "up", error?: Error): void;
}

/** One observer serves all partitions. */
export function projectorObserver(
  metrics: Metrics,
  health: Health,
  now: () => number = Date.now,
): ProjectorReports {
  const report = dependencyReporter(metrics, health, "projector");
  return {
    onApplied({ topic, partition, nextOffset, events, skipped, repeated, first }) {
      if (first && events > 0) {
        // The clock of whoever wrote it may be ahead of ours.
        const ms = Math.max(0, now() - happenedAt(first));
        metrics.endToEndSeconds.observe({ stage: "view", topic }, ms / 1000);
      }
      metrics.projectionEvents.inc({ topic, outcome: "applied" }, events);
      metrics.projectionEvents.inc({ topic, outcome: "skipped" }, skipped);
      metrics.projectionEvents.inc({ topic, outcome: "repeated" }, repeated);
      metrics.projectionPosition.set({ topic, partition }, nextOffset);
      metrics.projectionMoves.inc({ topic }, 0);
    },
    onMoved: ({ topic }) => metrics.projectionMoves.inc({ topic }),
    onDependency: (state) => report("postgres", state === "up"),
  };
}
