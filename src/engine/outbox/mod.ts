/**
 * The transactional outbox: an event is appended in the transaction that makes it true, and published to Kafka exactly once,
 * in the order of its key.
 *
 * ```ts ignore
 * import { topic } from "@onceflow/onceflow";
 * import { append, migrateOutbox, runRelay } from "@onceflow/onceflow/outbox";
 * import postgres from "postgres";
 *
 * const outbox = { schema: "shipping" };
 * const sql = postgres(databaseUrl);
 * await migrateOutbox(sql, outbox);
 * await sql.begin(async (tx) => {
 *   await tx`insert into parcels (id, items) values (${id}, ${items})`;
 *   await append(tx, parcels.event({ parcel_id: id, items }), outbox);
 * });
 *
 * await runRelay({ brokers, clientId: "shipping", ssl: false, databaseUrl, outbox, signal });
 * ```
 *
 * From any other language it is one statement, in the transaction that makes the event true and behind the row that it tells of:
 *
 * ```sql
 * select shipping.outbox_append(null, 'parcels', 'p-1', '{"parcel_id": "p-1"}'::bytea, '[]', gen_random_uuid(), 'ParcelPacked');
 * ```
 *
 * Its parameters: the shard (null: computed from the key), topic, key, value (null: a tombstone), headers as `[["name", "value"]]`, the event's id
 * and its type. It answers the position. What it refuses has the SQLSTATE OX001 (too large), OX002 (no such shard), OX003
 * (headers), OX004 (the sequence was set back) or OX005 (no key), with a hint. The partition is always the key's.
 *
 * Records carry the headers `event_id` and `event_type`. They are written by one Kafka transaction with the relay's cursor, so
 * readers must use `isolation.level=read_committed`.
 *
 * `append`, `migrateOutbox` and the SQL need no permission of their own; `runRelay` needs `--allow-net` and
 * `--allow-env=NODE_ENV,KAFKAJS_*,PGAPPNAME,PGTARGETSESSIONATTRS`, and `--allow-read` for certificates that the address names.
 *
 * @module
 */
export { append, type Appended, type OutboxEvent } from "./append.ts";
export { migrateOutbox, missingFromOutbox, outboxMigrationsSql } from "./migrate_outbox.ts";
export type { Outbox } from "./outbox.ts";
export type {
  PostgresParameter,
  PostgresPool,
  PostgresQueries,
  PostgresTransaction,
} from "./postgres_driver.ts";
export {
  DuplicateEventError,
  EventRefusedError,
  EventTooLargeError,
  OutboxMissingError,
  refusedAppend,
  SequenceSetBackError,
} from "./refused_append.ts";
export { relayDefaults, type RelayLimits, type RelaySettings, runRelay } from "./run_relay.ts";
export { type CursorChange, setRelayCursor } from "./set_relay_cursor.ts";
export { OffsetRefusedError } from "../kafka/offset_admin.ts";
export type { RelayObserver } from "./relay_options.ts";
export type { HeldPartition, Hold } from "./holds.ts";
export { DependencyDownError, HaltError, PoisonError } from "../core/errors.ts";
export type { DownOptions, Health, HealthCheck, Readiness } from "../core/health.ts";
export type { TransactionVerdict } from "../core/ports.ts";
export type { TransactionObserver } from "../core/transaction_observer.ts";
export type { Header } from "../core/record.ts";
export type { Emission } from "../core/emission.ts";
export type { KafkaSettings } from "../kafka/kafka_client.ts";
export type { EndpointLogin, KafkaLogin, PasswordLogin, TokenLogin } from "../kafka/login.ts";
export type { KafkaTls } from "../kafka/tls.ts";
