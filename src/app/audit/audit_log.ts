/** Writes and reads the table of what operators did. It decides nothing, and is asked by none of the roles. */
import type { Sql } from "../../engine/postgres/sql.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";

/** What somebody is about to do. */
export interface Deed {
  /** Such as `dlq redrive`. */
  readonly action: string;
  /** What it is done to: a topic, a group and a partition, a read model. */
  readonly target: string;
  /** How: the arguments as they were given. No secret is among them. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** One row of the table. */
export interface AuditRow extends Deed {
  readonly id: number;
  readonly deed: string;
  readonly at: Date;
  readonly operator: string;
  readonly databaseUser: string;
  readonly outcome: "begun" | "done" | "failed";
  /** Why it failed. */
  readonly reason: string;
  /** Whether the end of what the row tells of is noted: what is at work has none, and what was killed never gets one. */
  readonly ended: boolean;
}

/** Adds a row. Without an operator the database's user counts as one. Answers with whom it has noted. */
export async function addAuditRow(
  sql: Sql,
  row: Deed & Pick<AuditRow, "deed" | "outcome" | "reason"> & { readonly operator?: string },
): Promise<string> {
  const operator = row.operator ?? null;
  const [{ noted } = { noted: "" }] = await translatingErrors(() =>
    sql<{ noted: string }[]>`
      insert into audit_log (deed, operator, action, target, detail, outcome, reason)
      values (${row.deed}, coalesce(${operator}::text, session_user::text), ${row.action}, ${row.target},
        ${JSON.stringify(row.detail)}::text::jsonb, ${row.outcome}, ${row.reason})
      returning operator as noted
    `
  );
  return noted;
}

/** The newest rows, newest first; `before` is the id of the last row of an earlier list, behind which it goes on. */
export async function readAuditRows(
  sql: Sql,
  limit: number,
  before?: number,
): Promise<readonly AuditRow[]> {
  return await translatingErrors(() =>
    sql<AuditRow[]>`
      select id, deed, at, operator, database_user as "databaseUser", action, target, detail, outcome, reason,
        outcome <> 'begun' or exists (
          select from audit_log later
          where later.id > audit_log.id and later.deed = audit_log.deed and later.outcome <> 'begun'
        ) as ended
      from audit_log where ${before ?? null}::bigint is null or id < ${before ?? null}::bigint
      order by id desc limit ${limit}
    `
  );
}
