/** The table of the namespaces under which a database is worked on. A row is added by the first start, or by a person. */
import type { Migration } from "../../engine/postgres/migrate.ts";

/** `is_first` is of the row that a start has added: two first starts at once cannot both. */
export const namespaceMigrations: readonly Migration[] = [{
  name: "pipeline_0001_namespaces",
  sql: `
create table pipeline_namespaces (
  namespace text primary key check (namespace <> ''),
  is_first boolean unique check (is_first),
  noted_at timestamptz not null default clock_timestamp(),
  database_user text not null default session_user
);
`,
}];
