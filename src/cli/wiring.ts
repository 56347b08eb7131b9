/** Gives commands what they act on: settings, services and a signal, opened for each and closed again. */
import { join } from "node:path";
import { runBench } from "../tools/bench/run_bench.ts";
import { checkBooks, explain } from "../tools/books.ts";
import { examine } from "../tools/doctor/examine.ts";
import { readAuditRows } from "../app/audit/audit_log.ts";
import { auditOf } from "../app/compose/audited.ts";
import { eraseCustomer, newPseudonym } from "../app/orders/erase_customer.ts";
import { type CustomerExplanation, explainCustomer } from "../app/privacy/explain_customer.ts";
import { migrateSchema, missingFromSchema, viewsOf } from "../app/compose/prepare_schema.ts";
import {
  dropOldViews,
  rebuildViews,
  rollbackViews,
  viewsStatus,
} from "../app/compose/read_model.ts";
import { groupsOf } from "../app/compose/roles.ts";
import { runUntilSignal } from "../app/compose/run_until_signal.ts";
import type { Services } from "../app/compose/services.ts";
import { resolveServices, type StackUse } from "../tools/resolve_services.ts";
import { type Config, readConfig } from "../config.ts";
import { openDeadLetterStore } from "../engine/dead_letters/open_dead_letter_store.ts";
import { plainText } from "../engine/core/plain_text.ts";
import { createKafkaClient } from "../engine/kafka/kafka_client.ts";
import { createTransactions } from "../engine/kafka/transactions.ts";
import { cursorMetadataAt, writeRelayCheckpoint } from "../engine/outbox/relay_cursor.ts";
import { openDatabase, type Sql } from "../engine/postgres/database.ts";
import { checkSessionSettings } from "../engine/postgres/session_settings.ts";
import { translatingErrors } from "../engine/postgres/translate_error.ts";
import type { AuditActions } from "./audit.ts";
import type { BenchActions } from "./bench.ts";
import type { DlqActions } from "./dlq.ts";
import type { DoctorActions } from "./doctor.ts";
import { exitCodes } from "./exit_codes.ts";
import type { ExplainActions } from "./explain.ts";
import type { MigrateActions } from "./migrate.ts";
import { progress } from "./progress.ts";
import type { OffsetsActions } from "./offsets.ts";
import type { TransactionsActions } from "./transactions.ts";
import type { ProjectionActions } from "./projection.ts";
import type { PrivacyActions } from "./privacy.ts";
import type { VerifyActions } from "./verify.ts";

/** Commands that look at a pipeline or mend it use a stack that runs; only those that say so start one. */
function withServices<T>(
  act: (config: Config, services: Services, signal: AbortSignal) => Promise<T>,
  use: StackUse = "find",
): Promise<T> {
  const config = readConfig();
  return runUntilSignal(
    async (signal) => act(config, await resolveServices(config, use, progress), signal),
    { shutdownMsMax: config.SHUTDOWN_MS_MAX, lateExitCode: exitCodes.wrongUse },
  );
}

export const verifyActions: VerifyActions = {
  check: (options) =>
    withServices((config, services, signal) =>
      checkBooks(config, services, { ...options, signal })
    ),
};

export const explainActions: ExplainActions = {
  explain: (orderId) =>
    withServices((config, services, signal) => explain(config, services, orderId, signal)),
  explainCustomer: (customer, onProgress) =>
    withServices((config, services, signal) =>
      explainCustomerIn(config, services, customer, signal, onProgress)
    ),
};

/** Over connections of its own: it reads whole topics, and no statement may be cut short. */
async function explainCustomerIn(
  config: Config,
  { kafka, databaseUrl }: Services,
  customer: string,
  signal: AbortSignal,
  onProgress?: (line: string) => void,
): Promise<CustomerExplanation> {
  await using database = openDatabase(databaseUrl, {
    connectionsMax: 1,
    applicationName: "onceflow privacy",
    statementTimeoutMs: 0,
  });
  return await explainCustomer(database.sql, createKafkaClient(kafka), customer, {
    topics: [config.ORDERS_TOPIC, config.INVOICES_TOPIC, config.DEAD_LETTERS_TOPIC],
    projection: viewsOf(config).name,
    outboxHours: config.OUTBOX_RETENTION_HOURS,
    idempotencyHours: config.IDEMPOTENCY_RETENTION_HOURS,
    ...{ signal, onProgress },
  });
}

export const privacyActions: PrivacyActions = {
  confirm: (question) => offsetsActions.confirm(question),
  explain: (customer) =>
    withServices((config, services, signal) =>
      explainCustomerIn(config, services, customer, signal)
    ),
  erase: (customer, reference) =>
    withServices(async (config, services) => {
      await using database = openDatabase(services.databaseUrl, {
        connectionsMax: 1,
        applicationName: "onceflow privacy",
        statementTimeoutMs: 0,
      });
      const projection = viewsOf(config).name;
      const pseudonym = newPseudonym();
      const deed = {
        action: "privacy erase",
        target: pseudonym,
        detail: reference === "" ? {} : { reference },
      };
      return await auditOf(config, services)(
        deed,
        () => eraseCustomer(database.sql, customer, { projection, pseudonym }),
      );
    }),
};

const withSchema = <T>(act: (sql: Sql, config: Config) => Promise<T>) =>
  withServices(async (config, services) => {
    await using database = openDatabase(services.databaseUrl, {
      connectionsMax: 1,
      applicationName: "onceflow migrate",
    });
    await checkSessionSettings(database.sql);
    return await translatingErrors(() => act(database.sql, config));
  });

export const migrateActions: MigrateActions = {
  missing: () => withSchema(missingFromSchema),
  migrate: () => withSchema(migrateSchema),
};

export const doctorActions: DoctorActions = {
  examine: (options) => withServices((config, services) => examine(config, services, options)),
};

const confirmed = (question: string) => Deno.stdin.isTerminal() && confirm(plainText(question));

/** Does something to the read model that is noted. */
const withViews = <T>(
  action: string,
  detail: Readonly<Record<string, unknown>>,
  act: (config: Config, services: Services, signal: AbortSignal) => Promise<T>,
) =>
  withServices((config, services, signal) =>
    auditOf(config, services)(
      { action: `projection ${action}`, target: viewsOf(config).name, detail },
      () => act(config, services, signal),
    )
  );

export const projectionActions: ProjectionActions = {
  rebuild: (options) =>
    withViews(
      "rebuild",
      {
        allowMissingHistory: options.allowMissingHistory,
        recordsPerSecond: options.recordsPerSecond,
        diff: options.beforeSwap !== undefined,
      },
      (config, services, signal) => rebuildViews(config, services, { ...options, signal }),
    ),
  rollback: (options) =>
    withViews(
      "rollback",
      { atOnce: options.atOnce },
      (config, services, signal) => rollbackViews(config, services, { ...options, signal }),
    ),
  dropOld: (options) =>
    withViews(
      "drop-old",
      {},
      (config, services, signal) => dropOldViews(config, services, { ...options, signal }),
    ),
  status: () => withServices(viewsStatus),
  confirm: confirmed,
};

export const dlqActions: DlqActions = {
  confirm: confirmed,
  withStore: (topic, act) =>
    withServices(async (config, services, signal) => {
      await using store = openDeadLetterStore(createKafkaClient(services.kafka), {
        topic: topic ?? config.DEAD_LETTERS_TOPIC,
        transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
        batchBytesMax: config.REQUEST_BYTES_MAX,
        replicationFactor: config.TOPIC_REPLICATION_FACTOR,
      });
      return await act(store, signal, auditOf(config, services));
    }),
};

export const offsetsActions: OffsetsActions = {
  confirm: confirmed,
  withOffsets: (act) =>
    withServices(async (config, services, signal) => {
      const client = createKafkaClient(services.kafka);
      await using transactions = createTransactions(client, {
        transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
      });
      await using database = openDatabase(services.databaseUrl, {
        connectionsMax: 1,
        applicationName: "onceflow offsets",
      });
      const groups = groupsOf(config);
      return await act({
        client,
        transactions,
        groups: [groups.invoicing, groups.relay, groups.projector, groups.redrive],
        flowGroup: groups.invoicing,
        projectorGroup: groups.projector,
        relay: { groupId: groups.relay, cursorTopic: config.OUTBOX_CURSOR_TOPIC },
        relayMetadata: (shard, offset, now) => cursorMetadataAt(database.sql, shard, offset, now),
        audit: auditOf(config, services),
        writeRelayCheckpoint: (shard, offset) =>
          writeRelayCheckpoint(database.sql, shard, Math.max(0, offset - 1)),
      }, signal);
    }),
};

export const transactionsActions: TransactionsActions = {
  confirm: offsetsActions.confirm,
  withClient: (act) =>
    withServices((config, services) =>
      act(createKafkaClient(services.kafka), auditOf(config, services))
    ),
};

export const auditActions: AuditActions = {
  read: (limit) =>
    withServices(async (_config, { databaseUrl }) => {
      await using database = openDatabase(databaseUrl, {
        connectionsMax: 1,
        applicationName: "onceflow audit",
      });
      return await readAuditRows(database.sql, limit);
    }),
};

export const benchActions: BenchActions = {
  directory: () => join(readConfig().STACK_DIR, "bench"),
  run: (options) =>
    withServices(
      (config, services, signal) => runBench(config, services, { ...options, signal }),
      "start",
    ),
};
