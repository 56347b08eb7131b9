/** What a program says of a projection that it runs, rebuilds or looks at; and what holds where it says nothing. */
import type { Health } from "../core/health.ts";
import type { KafkaSettings } from "../kafka/kafka_client.ts";
import { type Database, openDatabase } from "../postgres/database.ts";
import { checkSchemaName } from "../postgres/schema_name.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import type { Dedupe } from "./fold_target.ts";

/** Bounds; each has a default. */
export interface ProjectionLimits {
  /** Records of one partition in one transaction. */
  readonly batchRecordsMax: number;
  /** Bytes of those records. */
  readonly batchBytesMax: number;
  /** The longest pause before Postgres or Kafka is tried again, milliseconds. */
  readonly dependencyBackoffMsMax: number;
  /** The group gives a silent process's partitions away after this long, milliseconds. */
  readonly sessionTimeoutMs: number;
  /** Connections to Postgres; each folds one partition at a time. */
  readonly connectionsMax: number;
  /** Partitions of the topics that are made because they are missing. */
  readonly topicPartitions: number;
  /** Replicas of those topics; -1 for three, or as many as there are brokers. */
  readonly topicReplicationFactor: number;
}

/** A projection, and where its topics and tables are. */
export interface ProjectionSettings<Event extends ProjectionEvent>
  extends KafkaSettings, Partial<ProjectionLimits> {
  /** `postgres://user:password@host:port/database`, with the words that libpq knows. No pooler that shares sessions. */
  readonly databaseUrl: string;
  /** What is folded, and into what. */
  readonly projection: Projection<Event>;
  /** The schema of the tables, made where it is missing; where `search_path` finds them where absent. */
  readonly schema?: string;
  /** How a record that comes a second time is recognised; `position` where absent. */
  readonly dedupe?: Dedupe;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told what stands in its way: `projection:<name>`, `lane:<topic>-<n>`, `postgres`, `kafka`. */
  readonly health?: Health;
}

/** What holds where nothing else is said. */
export const projectionDefaults: ProjectionLimits = {
  batchRecordsMax: 2_000,
  batchBytesMax: 4 * 1024 * 1024,
  dependencyBackoffMsMax: 5_000,
  sessionTimeoutMs: 10_000,
  connectionsMax: 6,
  topicPartitions: 4,
  topicReplicationFactor: -1,
};

/** The limits that are given, and the defaults of the others. */
export function limitsOf(given: Partial<ProjectionLimits>): ProjectionLimits {
  const names = Object.keys(projectionDefaults) as (keyof ProjectionLimits)[];
  const said = names.flatMap((name) => given[name] === undefined ? [] : [[name, given[name]]]);
  return { ...projectionDefaults, ...Object.fromEntries(said) };
}

/** A pool that sees the tables. */
export function openProjectionDatabase(
  { databaseUrl, schema, connectionsMax = projectionDefaults.connectionsMax }: Pick<
    ProjectionSettings<ProjectionEvent>,
    "databaseUrl" | "schema" | "connectionsMax"
  >,
  options: { readonly applicationName: string; readonly statementTimeoutMs?: number },
): Database {
  if (schema !== undefined) checkSchemaName(schema);
  return openDatabase(databaseUrl, { ...options, connectionsMax, schema });
}
