/** Runs the projector of one process: a member of its group, which folds each partition that it is given. */
import type { Health } from "../../engine/core/health.ts";
import type { LaneBoard } from "../../engine/core/lane_board.ts";
import type { TopicPartition } from "../../engine/core/record.ts";
import { bufferBatches } from "../../engine/kafka/buffer_share.ts";
import { fetcherDefaults } from "../../engine/kafka/fetcher.ts";
import { runMembership } from "../../engine/kafka/membership.ts";
import { traceProjection } from "../../engine/observe/trace_projection.ts";
import { liveTarget } from "../../engine/projection/fold_target.ts";
import { positionOpener } from "../../engine/projection/open_positions.ts";
import { projectPatiently } from "../../engine/projection/project_patiently.ts";
import type { ProjectorDeps } from "../../engine/projection/run_projector.ts";
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
  const projection = traceProjection(viewsOf(config), groupId);
  const deps: ProjectorDeps<ViewFact> = {
    sql: database.sql,
    projection,
    dedupe: "position",
    openPosition: positionOpener(database.sql, liveTarget(projection, "position")),
    health,
    bounds: { recordsMax: config.BATCH_RECORDS_MAX, bytesMax: config.BATCH_BYTES_MAX },
    backoff: { firstMs: 100, waitMsMax: config.DEPENDENCY_BACKOFF_MS_MAX },
    ...observer,
  };
  return runMembership(client, {
    groupId,
    health,
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    bufferBytesMax: bufferBatches * config.BATCH_BYTES_MAX,
    fetch: fetcherDefaults,
    topics: projection.topics,
    onAssigned: (partitions) => assigned?.(groupId, partitions),
    lane: (assignment) =>
      board.during(
        assignment,
        (standing) => projectPatiently(assignment, { ...deps, standing }),
      ),
  }, signal);
}
