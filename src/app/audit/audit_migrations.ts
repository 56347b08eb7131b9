/** The table of who has operated the pipeline, and how. Rows are only added: nobody is granted more than that. */
import type { Migration } from "../../engine/postgres/migrate.ts";

/** A deed has a row when it begins and one when it has ended; where the second is missing nobody knows how it ended. */
export const auditMigrations: readonly Migration[] = [{
  name: "audit_0001_log",
  sql: `
create table audit_log (
  id bigint generated always as identity primary key,
  deed uuid not null,
  at timestamptz not null default clock_timestamp(),
  operator text not null check (operator <> ''),
  database_user text not null default session_user,
  address inet default inet_client_addr(),
  action text not null check (action <> ''),
  target text not null,
  detail jsonb not null,
  outcome text not null check (outcome in ('begun', 'done', 'failed')),
  reason text not null default ''
);
`,
}];
