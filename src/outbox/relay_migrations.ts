/** The relay's own table: a trace in Postgres that a shard has a cursor in Kafka. */
import type { Migration } from "../postgres/migrate.ts";

/** Without the trace a cursor that expired would look like one that never was, and every row would be relayed again. */
export const relayMigrations: readonly Migration[] = [{
  name: "outbox_0002_relayed",
  sql: `
create table outbox_relayed (
  shard smallint primary key check (shard between 0 and 63),
  noted_at timestamptz not null default clock_timestamp()
);
`,
}];
