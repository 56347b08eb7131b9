/** Brings the schema up to date where the user may do that, and says what to run where not. Owns the list of migrations. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../../config.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { auditMigrations } from "../audit/audit_migrations.ts";
import { orderMigrations } from "../orders/migrations.ts";
import { orderViews } from "../orders/views.ts";
import { agreeOnShards } from "../../engine/outbox/agree_on_shards.ts";
import { allOutboxMigrations } from "../../engine/outbox/outbox_migrations.ts";
import type { Database } from "../../engine/postgres/database.ts";
import { migrate, type Migration, pendingMigrations } from "../../engine/postgres/migrate.ts";
import { refusePooler } from "../../engine/postgres/refuse_pooler.ts";
import { checkSessionSettings } from "../../engine/postgres/session_settings.ts";
import type { Queryable, Sql } from "../../engine/postgres/sql.ts";
import { isRefused } from "../../engine/postgres/translate_error.ts";
import { findInstalled, installProjection } from "../../engine/projection/install_projection.ts";
import { projectionMigrations } from "../../engine/projection/projection_schema.ts";

import { agreeOnNamespace, refuseOtherNamespace } from "./agree_on_namespace.ts";
import { namespaceMigrations } from "./namespace_migrations.ts";
import { groupsOf } from "./roles.ts";

const log = getLogger(["onceflow", "compose"]);

/** Every room's migrations, in an order in which each finds what it needs. */
export const migrations: readonly Migration[] = [
  ...allOutboxMigrations,
  ...orderMigrations,
  ...projectionMigrations,
  ...auditMigrations,
  ...namespaceMigrations,
];

/** The read model with the topics of this configuration. */
export function viewsOf(config: Config) {
  return orderViews({
    orders: config.ORDERS_TOPIC,
    invoices: config.INVOICES_TOPIC,
    deadLetters: config.DEAD_LETTERS_TOPIC,
    invoicingGroup: groupsOf(config).invoicing,
  });
}

/**
 * For a role that starts: a schema that is up to date needs no right to change it, and one that is not is migrated.
 *
 * @throws {HaltError} when the schema is not up to date and the user of `DATABASE_URL` may not migrate it, this is no
 * Postgres to work with, or it belongs to another namespace
 */
export async function prepareSchema(
  { sql }: Database,
  databaseUrl: string,
  config: Config,
): Promise<void> {
  await refusePooler(databaseUrl);
  await checkSessionSettings(sql);
  // Before anything is changed; a database that has not noted any yet is asked again below.
  await refuseOtherNamespace(sql, config.NAMESPACE);
  const missing = await missingFromSchema(sql, config);
  try {
    const { applied, staleVersion } = await migrateSchema(sql, config);
    if (applied.length > 0) {
      log.info("Applied migrations {applied}", { applied: applied.join(", ") });
    }
    if (staleVersion !== undefined) {
      log.warn("The read model is of version {version}; run: deno task projection rebuild", {
        version: staleVersion,
      });
    }
    await agreeOnShards(sql, config.OUTBOX_SHARDS);
    await agreeOnNamespace(sql, config.NAMESPACE);
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw missing.length === 0 ? notGranted(error) : notMigrated(missing, error);
  }
}

/** What a migration would make: names of migrations, and the tables of the read model. Changes nothing. */
export async function missingFromSchema(
  sql: Queryable,
  config: Config,
): Promise<readonly string[]> {
  try {
    const pending = await pendingMigrations(sql, migrations);
    const views = viewsOf(config);
    const tables = `the tables of ${views.name}`;
    if (pending.includes("projection_0001_positions")) return [...pending, tables];
    // Before all of its own migrations nobody can say which read model there is.
    const isAsked = !pending.some((name) => name.startsWith("projection_"));
    const areMissing = isAsked && await findInstalled(sql, views.name) === undefined;
    return areMissing ? [...pending, tables] : pending;
  } catch (error) {
    throw isRefused(error) ? notGranted(error) : error;
  }
}

/** What was made. */
export interface SchemaReport {
  readonly applied: readonly string[];
  /** True when the tables of the read model were made just now. */
  readonly viewsMade: boolean;
  /** The version of the read model's tables where it is not this program's: `projection rebuild` brings that. */
  readonly staleVersion?: number;
}

/** Makes what is missing. Any number of processes may do so at once. */
export async function migrateSchema(sql: Sql, config: Config): Promise<SchemaReport> {
  const applied = await migrate(sql, migrations);
  const installation = await installProjection(sql, viewsOf(config));
  return {
    applied,
    viewsMade: installation.kind === "created",
    ...(installation.kind === "stale" && { staleVersion: installation.version }),
  };
}

function notMigrated(missing: readonly string[], error: unknown): HaltError {
  return new HaltError(
    `The schema in Postgres is not up to date (missing: ${
      missing.join(", ")
    }), and the user of DATABASE_URL may not ` +
      `change it (${
        said(error)
      }). Run "deno task migrate" with a DATABASE_URL whose user owns the schema, then start this again`,
    { cause: error },
  );
}

function notGranted(error: unknown): HaltError {
  return new HaltError(
    `The user of DATABASE_URL lacks a right in Postgres: ${
      said(error)
    }. The grants that serve and worker need stand in ` +
      `src/rights.md, under "Rights in Postgres"`,
    { cause: error },
  );
}

function said(error: unknown): string {
  const first = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return first instanceof Error ? first.message : String(first);
}
