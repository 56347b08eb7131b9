/** Gives commands what they act on: settings, services and a signal, opened for each and closed again. */
import { join } from "node:path";
import { runBench } from "../tools/bench/run_bench.ts";
import { checkBooks, explain } from "../tools/books.ts";
import { examine } from "../tools/doctor/examine.ts";
import { readAuditRows } from "../app/audit/audit_log.ts";
import { auditBegunOf, auditOf } from "../app/compose/audited.ts";
import { eraseCustomer, newPseudonym } from "../app/orders/erase_customer.ts";
import { type CustomerExplanation, explainCustomer } from "../app/privacy/explain_customer.ts";
import { migrateSchema, missingFromSchema, viewsOf } from "../app/compose/prepare_schema.ts";
import type { Services } from "../app/compose/services.ts";
import {
  dropOldViews,
  rebuildViews,
  rollbackViews,
  viewsStatus,
} from "../app/compose/read_model.ts";
import { type Config, readConfig } from "../config.ts";
import type { OldTables, RollbackPlan } from "../engine/projection/mod.ts";
import { createKafkaClient } from "../engine/kafka/kafka_client.ts";
import { openDatabase, type Sql } from "../engine/postgres/database.ts";
import { checkSessionSettings } from "../engine/postgres/session_settings.ts";
import { translatingErrors } from "../engine/postgres/translate_error.ts";
import type { AuditActions } from "./audit.ts";
import type { BenchActions } from "./bench.ts";
import type { DoctorActions } from "./doctor.ts";
import type { ExplainActions } from "./explain.ts";
import type { MigrateActions } from "./migrate.ts";
import type { ProjectionActions } from "./projection.ts";
import type { PrivacyActions } from "./privacy.ts";
import { reachKafka } from "./reach_kafka.ts";
import type { VerifyActions } from "./verify.ts";
import { confirmed, withServices } from "./with_services.ts";

export const verifyActions: VerifyActions = {
  check: (options) =>
    withServices(async (config, services, signal) => {
      await reachKafka(services);
      return await checkBooks(config, services, { ...options, signal });
    }),
};

export const explainActions: ExplainActions = {
  explain: (orderId) =>
    withServices(async (config, services, signal) => {
      await reachKafka(services);
      return await explain(config, services, orderId, signal);
    }),
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
  confirm: confirmed,
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

/** Does something to the read model that is noted once it begins. */
const withViews = <T>(
  action: string,
  detail: Readonly<Record<string, unknown>>,
  act: (
    config: Config,
    services: Services,
    given: { readonly signal: AbortSignal; readonly begin: () => Promise<void> },
  ) => Promise<T>,
) =>
  withServices((config, services, signal) =>
    auditBegunOf(config, services)(
      { action: `projection ${action}`, target: viewsOf(config).name, detail },
      (begin) => act(config, services, { signal, begin }),
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
      async (config, services, { signal, begin }) => {
        await begin();
        return await rebuildViews(config, services, { ...options, signal });
      },
    ),
  rollback: (options) =>
    withViews(
      "rollback",
      { atOnce: options.atOnce },
      (config, services, { signal, begin }) => {
        const beforeRollback = async (plan: RollbackPlan) => {
          options.beforeRollback(plan);
          await begin();
        };
        return rollbackViews(config, services, { ...options, beforeRollback, signal });
      },
    ),
  dropOld: (options) =>
    withViews(
      "drop-old",
      {},
      (config, services, { signal, begin }) => {
        const beforeDrop = async (old: OldTables) => {
          options.beforeDrop(old);
          await begin();
        };
        return dropOldViews(config, services, { beforeDrop, signal });
      },
    ),
  status: () => withServices(viewsStatus),
  confirm: confirmed,
};

export const auditActions: AuditActions = {
  read: (limit, before) =>
    withServices(async (_config, { databaseUrl }) => {
      await using database = openDatabase(databaseUrl, {
        connectionsMax: 1,
        applicationName: "onceflow audit",
      });
      return await readAuditRows(database.sql, limit, before);
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
