/** Follows the topics of a projection as a member of its group. With `run_projector.ts` and `rebuild.ts` all that this room knows of Kafka. */
import type { LaneBoard } from "../core/lane_board.ts";
import type { Health } from "../core/health.ts";
import type { TopicPartition } from "../core/record.ts";
import { bufferBatches } from "../kafka/buffer_share.ts";
import { fetcherDefaults } from "../kafka/fetcher_options.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { runMembership } from "../kafka/membership.ts";
import { traceProjection } from "../observe/trace_projection.ts";
import type { Sql } from "../postgres/sql.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import { type Dedupe, liveTarget } from "./fold_target.ts";
import { positionOpener } from "./open_positions.ts";
import { projectPatiently } from "./project_patiently.ts";
import type { ProjectorDeps } from "./project_partition.ts";

/** Whose group it is, its bounds, and who is told. */
export interface ProjectTopicsOptions<Event extends ProjectionEvent>
  extends Pick<ProjectorDeps<Event>, "onApplied" | "onMoved" | "onDependency"> {
  /** Shares the partitions among the processes; the positions are in Postgres. */
  readonly groupId: string;
  readonly dedupe: Dedupe;
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  readonly sessionTimeoutMs: number;
  readonly dependencyBackoffMsMax: number;
  readonly health?: Health;
  /** Told which partitions this process has, after each rebalance. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
  /** Where the lanes are seen by whoever watches them. */
  readonly board: LaneBoard;
}

/**
 * Folds until the signal fires, and waits where only a rebuild helps.
 *
 * @throws {HaltError} for what no rebuild of this program can mend
 */
export async function projectTopics<Event extends ProjectionEvent>(
  client: KafkaClient,
  sql: Sql,
  defined: Projection<Event>,
  options: ProjectTopicsOptions<Event>,
  signal: AbortSignal,
): Promise<void> {
  const { groupId, dedupe, health, board, onApplied, onMoved, onDependency } = options;
  const projection = traceProjection(defined, groupId);
  const deps: ProjectorDeps<Event> = {
    ...{ sql, projection, dedupe, health, onApplied, onMoved, onDependency },
    openPosition: positionOpener(sql, liveTarget(projection, dedupe)),
    bounds: { recordsMax: options.batchRecordsMax, bytesMax: options.batchBytesMax },
    backoff: { firstMs: 100, waitMsMax: options.dependencyBackoffMsMax },
  };
  await runMembership(client, {
    groupId,
    health,
    sessionTimeoutMs: options.sessionTimeoutMs,
    bufferBytesMax: bufferBatches * options.batchBytesMax,
    fetch: fetcherDefaults,
    topics: projection.topics,
    onAssigned: options.onAssigned,
    lane: (assignment) =>
      board.during(
        assignment,
        (standing) => projectPatiently(assignment, { ...deps, standing }),
      ),
  }, signal);
}
