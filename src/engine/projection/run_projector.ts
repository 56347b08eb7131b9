/** Runs a projection with connections of its own: what a program calls that has nothing else to do with Kafka. */
import { createHealth } from "../core/health.ts";
import { LaneBoard } from "../core/lane_board.ts";
import { watchUntilDisposed } from "../flow/watch_lanes.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { historyTopicConfig } from "../kafka/topic_config.ts";
import { ensureTopics } from "../kafka/topics.ts";
import { untilAnswered } from "../kafka/until_answered.ts";
import { watching } from "../kafka/watch_transactions.ts";
import { withClient } from "../kafka/with_client.ts";
import { preparePostgres } from "../postgres/prepare_postgres.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { migrateWith } from "./migrate_projection.ts";
import { projectTopics } from "./project_topics.ts";
import type { AppliedBatch, MovedPosition } from "./project_partition.ts";
import {
  limitsOf,
  openProjectionDatabase,
  type ProjectionSettings,
} from "./projection_settings.ts";

/** A projection to be kept up to date, and who is told. */
export interface ProjectorSettings<Event extends ProjectionEvent>
  extends ProjectionSettings<Event> {
  /**
   * What its consumer group is called: `<namespace>.projector.<group>`; the projection's name where absent. It shares the
   * partitions among the processes of one database: two databases with the same projection need two.
   */
  readonly group?: string;
  /** Told of each transaction, after its commit. */
  readonly onApplied?: (applied: AppliedBatch) => void;
  /** Told when the position was not where it had left it: another process folded on, or a rebuild was swapped in. */
  readonly onMoved?: (moved: MovedPosition) => void;
}

/**
 * Folds the projection's topics into its tables until the signal fires; then it ends within five seconds. Rows and position
 * move in one Postgres transaction, so that each record counts once, whatever crashes. Any number of processes may run it:
 * they share the partitions. It waits out outages of Postgres and Kafka, and where only a `rebuild` helps (another version of
 * the tables, a topic that was recreated) until somebody has run that.
 *
 * It makes the tables where they are missing and its user may, and topics that are missing. Consumers that write the topics
 * in transactions are read under read_committed.
 *
 * @throws {TypeError} when the schema cannot be one
 * @throws {HaltError} when the tables refuse a record, when they are missing and may not be made, or this is no Postgres to
 * work with
 */
export async function runProjector<Event extends ProjectionEvent>(
  settings: ProjectorSettings<Event>,
): Promise<void> {
  const { signal } = settings;
  await withClient(settings, signal, async (client) => {
    try {
      await project(client, settings);
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
    }
  });
}

async function project<Event extends ProjectionEvent>(
  client: KafkaClient,
  settings: ProjectorSettings<Event>,
): Promise<void> {
  const { projection, databaseUrl, schema, signal, dedupe = "position" } = settings;
  const { health = createHealth(), group = projection.name, onApplied, onMoved } = settings;
  const limits = limitsOf(settings);
  await using database = openProjectionDatabase(settings, {
    applicationName: `onceflow projector ${projection.name}`,
  });
  const { sql } = database;
  await preparePostgres({
    ...{ database, databaseUrl, schema, health, signal },
    prepare: () => migrateWith(sql, projection, schema),
    advice:
      "Call migrateProjection with a databaseUrl whose user owns the schema, and grant this user usage on " +
      "the schema, and select, insert, update and delete on its tables",
  });
  const topics = projection.topics.map((topic) => ({
    topic,
    partitions: limits.topicPartitions,
    replicationFactor: limits.topicReplicationFactor,
    config: historyTopicConfig,
    uses: ["history"] as const,
    needs: ["Read"],
  }));
  const wait = { signal, health };
  await untilAnswered("look up the topics", () => ensureTopics(client, topics), wait);
  const board = new LaneBoard();
  await using _transactions = watching(client, { topics: projection.topics, health });
  await using _lanes = watchUntilDisposed(client, {
    ...{ board, health, transactionalGroups: new Set() },
  });
  await projectTopics(client, sql, projection, {
    ...{ ...limits, dedupe, health, board, onApplied, onMoved },
    groupId: client.names.group(`projector.${group}`),
  }, signal);
}
