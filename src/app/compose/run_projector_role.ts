/** Runs the projector of one process: a member of its group, which folds each partition that it is given. */
import type { Health } from "../../engine/core/health.ts";
import type { LaneBoard } from "../../engine/core/lane_board.ts";
import type { TopicPartition } from "../../engine/core/record.ts";
import { projectTopics } from "../../engine/projection/project_topics.ts";
import type { ProjectorDeps } from "../../engine/projection/project_partition.ts";
import type { ViewFact } from "../orders/view_events.ts";
import type { Runtime } from "./open_runtime.ts";
import { viewsOf } from "./prepare_schema.ts";
import { groupsOf } from "./roles.ts";

/** Who is told of what it does. */
export interface ProjectorRoleOptions {
  readonly board: LaneBoard;
  readonly health: Health;
  readonly observer?: Pick<ProjectorDeps<ViewFact>, "onApplied" | "onMoved" | "onDependency">;
  /** Told which partitions this process has of a group, after each rebalance. */
  readonly assigned?: (group: string, partitions: readonly TopicPartition[]) => void;
}

/** Runs until the signal fires. */
export function runProjectorRole(
  { config, database, client }: Runtime,
  { board, health, observer, assigned }: ProjectorRoleOptions,
  signal: AbortSignal,
): Promise<void> {
  const groupId = groupsOf(config).projector;
  return projectTopics(client, database.sql, viewsOf(config), {
    ...{ groupId, dedupe: "position", board, health },
    batchRecordsMax: config.BATCH_RECORDS_MAX,
    batchBytesMax: config.BATCH_BYTES_MAX,
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    dependencyBackoffMsMax: config.DEPENDENCY_BACKOFF_MS_MAX,
    onAssigned: (partitions) => assigned?.(groupId, partitions),
    ...observer,
  }, signal);
}
