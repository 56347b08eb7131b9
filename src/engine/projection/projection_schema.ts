/** The tables that every projection shares: versions, positions, processed events. It holds no read model. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * `projections` says which version of a read model the live tables hold, and which tables those are. `projection_positions` says how far each
 * partition has been folded into them; a rebuild keeps its own rows there under `name@id`, and
 * those of the tables that it has replaced stand under `name#id`. `processed_events` is
 * filled only under `dedupe: "event_id"`.
 */
export const projectionMigrations: readonly Migration[] = [{
  name: "projection_0001_positions",
  sql: `
create table projections (
  name text primary key,
  version int not null check (version > 0),
  tables text[] not null,
  installed_at timestamptz not null default now(),
  rebuilt_at timestamptz,
  last_rebuild text
);

create table projection_positions (
  projection text not null,
  topic text not null,
  partition int not null check (partition >= 0),
  next_offset bigint not null check (next_offset >= 0),
  version int not null check (version > 0),
  topic_id text,
  updated_at timestamptz not null default now(),
  primary key (projection, topic, partition)
);

create table processed_events (
  projection text not null,
  event_id uuid not null,
  processed_at timestamptz not null default now(),
  primary key (projection, event_id)
);
`,
}, {
  name: "projection_0002_made_of",
  sql: `
-- What the live tables were made of (a JSON array), and by which rebuild ('' for none): see made_of.ts.
alter table projections add column made_of jsonb, add column made_by text;
`,
}, {
  name: "projection_0003_log_mark",
  sql: `
-- What lay just below the position in the log: a log that was replaced has something else there.
alter table projection_positions add column log_mark text;
`,
}, {
  name: "projection_0004_old_tables",
  sql: `
-- The tables that the live ones have replaced, until they are dropped: see old_tables.ts. Their positions and processed
-- events stand under name#kept_id.
alter table projections
  add column kept_id text,
  add column kept_version int check (kept_version > 0),
  add column kept_tables text[],
  add column kept_at timestamptz,
  add column kept_built_at timestamptz,
  add column kept_made_of jsonb,
  add constraint kept_whole check (
    (kept_id is null) = (kept_version is null) and (kept_id is null) = (kept_tables is null)
    and (kept_id is null) = (kept_at is null)
  );
`,
}, {
  name: "projection_0005_replaced_topics",
  sql: `
-- Of topics of this name that were deleted since: what the tables hold of them, no log has any more.
alter table projection_positions
  add column replaced_offsets bigint not null default 0 check (replaced_offsets >= 0);
`,
}];
