/** The outbox's schema: its table, its one sequence, and the two functions whose order of steps is the design. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * One sequence serves all shards. The barrier waits for writers of the whole database whatever it does, so a sequence
 * per shard would save nothing; and positions that compare across shards are what lets `explain` and the checker put
 * two events in order. The cost is gaps in each shard, which every reader must bear anyway (rolled-back writers).
 * CACHE 1: a session that kept a block of positions would use them after later ones were taken.
 *
 * `outbox_append` forces the transaction's xid in one statement and takes the position in the next. With the position
 * as a column default it would be taken while the row is formed, before the insert assigns the xid, and the barrier
 * could not know of it.
 *
 * `outbox_mark` answers "which positions may be handed out, and once which transactions have ended". It looks in
 * this order, each step a statement with a snapshot of its own:
 *  1. is there a visible row after the cursor? If not, nothing can be handed out and nothing can be passed by;
 *  2. `hi`, the last position that was taken;
 *  3. `xid`, an xid of its own. Every position up to `hi` was taken by a transaction with a smaller xid.
 * Step 3 is not `pg_snapshot_xmax(pg_current_snapshot())`: that is one past the latest *completed* xid, and running
 * transactions at or above it are in no snapshot's list. With two writers T1 < T2 in flight and nothing completed
 * since, xmin = xmax = T1: a wait for xmin >= xmax would end at once, T2's commit would be handed out, and T1's lower
 * position would be lost (`tests/integration/outbox_barrier_test.ts` runs that schedule).
 *
 * The message in the write-ahead log makes the mark's commit flush it, and with it the sequence's state up to `hi`:
 * after a crash no position up to `hi`, and no xid up to this one, can be given out again. So a mark outlives a crash.
 */
export const outboxMigrations: readonly Migration[] = [{
  name: "outbox_0001_table",
  sql: `
create sequence outbox_position as bigint minvalue 1 cache 1;

create table outbox (
  shard smallint not null check (shard between 0 and 63),
  position bigint not null check (position > 0),
  topic text not null check (topic <> ''),
  key text not null,
  value bytea not null,
  headers jsonb not null default '[]' check (jsonb_typeof(headers) = 'array'),
  event_id uuid not null,
  event_type text not null check (event_type <> ''),
  created_at timestamptz not null default clock_timestamp(),
  xid xid8 not null,
  primary key (shard, position),
  unique (event_id)
);

create function outbox_append(
  p_shard int, p_topic text, p_key text, p_value bytea, p_headers jsonb, p_event_id uuid, p_event_type text
) returns bigint language plpgsql volatile as $$
declare
  v_xid xid8;
  v_position bigint;
begin
  v_xid := pg_current_xact_id();
  v_position := nextval('outbox_position');
  insert into outbox (shard, position, topic, key, value, headers, event_id, event_type, xid)
  values (p_shard, v_position, p_topic, p_key, p_value, p_headers, p_event_id, p_event_type, v_xid);
  return v_position;
end
$$;

create function outbox_mark(p_shard int, p_after bigint, out hi bigint, out xid xid8)
language plpgsql volatile as $$
begin
  if not exists (select from outbox where shard = p_shard and position > p_after) then
    return;
  end if;
  select case when s.is_called then s.last_value else 0 end into hi from outbox_position s;
  xid := pg_current_xact_id();
  perform pg_logical_emit_message(true, 'onceflow.outbox_mark', '');
end
$$;

create table outbox_settings (
  only_row boolean primary key default true check (only_row),
  shards smallint not null check (shards between 1 and 64)
);
`,
}];
