/** The relay's own table: a trace in Postgres that a shard has a cursor in Kafka. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * Without the trace a cursor that expired would look like one that never was, and one that Kafka has lost like any other:
 * rows would be relayed again. `position` was announced for certain; the cursor may be further on.
 */
export const relayMigrations: readonly Migration[] = [{
  name: "outbox_0002_relayed",
  sql: `
create table outbox_relayed (
  shard smallint primary key check (shard between 0 and 63),
  noted_at timestamptz not null default clock_timestamp()
);
`,
}, {
  name: "outbox_0003_relayed_position",
  sql: `
alter table outbox_relayed add column position bigint not null default 0 check (position >= 0);
`,
}];
