/**
 * Projections: rows in Postgres that are a fold of the records of some topics. Rows and position move in one transaction, so
 * that each record counts once; a new version is built from the log beside the live tables and swapped in.
 *
 * ```ts ignore
 * import { defineProjection, readEvent, rebuild, runProjector } from "@onceflow/onceflow/projection";
 *
 * const shelf = defineProjection({
 *   name: "shelf",
 *   version: 1,
 *   topics: ["labels"],
 *   tables: [{
 *     name: "shelf",
 *     ddl: (table) => `create table ${table} (parcel_id text primary key, weight_g int not null)`,
 *   }],
 *   decode: (record) => readEvent(labels, record),
 *   async apply(tx, events, table) {
 *     for (const { parcel_id, weight_g } of events) {
 *       await tx`
 *         insert into ${tx(table("shelf"))} values (${parcel_id}, ${weight_g})
 *         on conflict (parcel_id) do update set weight_g = excluded.weight_g
 *       `;
 *     }
 *   },
 * });
 * await runProjector({ brokers, clientId: "shelf", ssl: false, databaseUrl, projection: shelf, signal });
 * ```
 *
 * After a change of the tables or the fold: `version: 2`, and once, beside the processes that run:
 * `await rebuild({ ...the same settings })`. The tables that it replaces are kept: `rollback`, called by the program of
 * their version, puts them back, and `dropOldTables` drops them.
 *
 * Needs `--allow-net` and `--allow-env=NODE_ENV,KAFKAJS_*,PGAPPNAME,PGTARGETSESSIONATTRS`, and `--allow-read` for certificates
 * that the address names.
 *
 * @module
 */
export {
  defineProjection,
  type Projection,
  type ProjectionCheck,
  type ProjectionEvent,
  type ProjectionTable,
  type TableNames,
} from "./define_projection.ts";
export type { Comparison } from "./compare_staged.ts";
export type { ColumnDifference, RowDifference, TableDifference } from "./compare_tables.ts";
export type { Dedupe } from "./fold_target.ts";
export type { Installation } from "./install_projection.ts";
export {
  migrateProjection,
  projectionMigrationsSql,
  type ProjectionPlace,
} from "./migrate_projection.ts";
export {
  projectionDefaults,
  type ProjectionLimits,
  type ProjectionSettings,
} from "./projection_settings.ts";
export type { PartitionStatus, ProjectionStatus } from "./projection_status.ts";
export { type ProjectorSettings, runProjector } from "./run_projector.ts";
export type { AppliedBatch, MovedPosition } from "./project_partition.ts";
export type { ProjectionQueries, ProjectionTransaction, Rows } from "./projection_transaction.ts";
export { readEvent } from "./read_event.ts";
export { type EventSchema, readJsonEvent } from "./read_json_event.ts";
export { readStatus, rebuild, type RebuildSettings } from "./rebuild.ts";
export type { RebuildReport } from "./rebuild_projection.ts";
export type { RebuildProgress } from "./replay_and_swap.ts";
export type { OldTables } from "./old_tables.ts";
export {
  dropOldTables,
  type DropOldTablesSettings,
  rollback,
  type RollbackSettings,
} from "./rollback.ts";
export type { RollbackPlan, RollbackReport } from "./rollback_projection.ts";
export { RebuildReplacedError } from "./staging.ts";
export { RefusedError } from "../core/refused_error.ts";
export { DependencyDownError, HaltError } from "../core/errors.ts";
export type { DownOptions, Health, HealthCheck, Readiness } from "../core/health.ts";
export type { Emission, EmissionOptions } from "../core/emission.ts";
export type { RecordContent } from "../core/json_text.ts";
export type { Header, InputRecord, TopicPartition, UnreadRecords } from "../core/record.ts";
export type { TopicContract } from "../core/topic_contract.ts";
export type { KafkaSettings } from "../kafka/kafka_client.ts";
export type { EndpointLogin, KafkaLogin, PasswordLogin, TokenLogin } from "../kafka/login.ts";
export type { KafkaTls } from "../kafka/tls.ts";
