/** What the outbox refuses at append, so that no row is taken that cannot be announced. Needs the relay's table before it. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * A row that the relay cannot send stops its shard, long after somebody was told that the order is placed. So it is refused
 * in the transaction that appends it, whoever does so, and in whatever language:
 *  - one shard for each key, as `shard_of.ts` computes it from the number of shards that all processes have agreed on; a
 *    caller may leave it to the database (null);
 *  - headers are an array of pairs of texts;
 *  - the record fits a request: `row_bytes_max` leaves room for what Kafka adds to it;
 *  - its position lies above what was announced. The relay never looks below its cursor: after a sequence was set back
 *    (a logical copy, some restores) rows would be passed by without a word. What is noted as announced can never have passed
 *    a position that is taken and open, since the relay waits for its writer: so one shard's note may be read afterwards.
 *
 * `outbox_mark` answers `hi` without an xid when the sequence stands below the relay's cursor; else it is as it was.
 */
export const appendMigrations: readonly Migration[] = [{
  name: "outbox_0004_refusals",
  sql: `
alter table outbox_settings
  add column row_bytes_max int not null default 900000 check (row_bytes_max > 0);

-- One constraint that calls a function: Postgres reads the text of each constraint anew for each statement that inserts, and
-- five of them took a tenth of an order's time. It calls nothing of ours, so that a dump of it can be restored.
create function outbox_can_be_announced(
  p_shard int, p_position bigint, p_topic text, p_event_type text, p_headers jsonb
) returns boolean language plpgsql immutable parallel safe as $$
begin
  if p_shard not between 0 and 63 or p_position <= 0 or p_topic = '' or p_event_type = '' then
    return false;
  end if;
  -- An array of pairs of texts.
  return p_headers = '[]' or jsonb_typeof(p_headers) = 'array' and not jsonb_path_exists(p_headers, 'strict $[*] ? (!(
    @.type() == "array" && @.size() == 2 && @[0].type() == "string" && @[1].type() == "string"
  ))', '{}', true);
end
$$;

-- Not valid: rows that are there already stay, and the relay names the one that it cannot send.
alter table outbox
  drop constraint outbox_shard_check,
  drop constraint outbox_position_check,
  drop constraint outbox_topic_check,
  drop constraint outbox_headers_check,
  drop constraint outbox_event_type_check,
  add constraint outbox_row_can_be_announced check (
    outbox_can_be_announced(shard, position, topic, event_type, headers)
  ) not valid;

create function outbox_shard_of(p_key text, p_shards int) returns int
language plpgsql immutable strict parallel safe as $$
declare
  v_bytes bytea;
  v_hash bigint := 2166136261;
begin
  if p_shards = 1 then
    return 0;
  end if;
  v_bytes := convert_to(p_key, 'UTF8');
  for i in 0 .. length(v_bytes) - 1 loop
    v_hash := ((v_hash # get_byte(v_bytes, i)) * 16777619) & 4294967295;
  end loop;
  return v_hash % p_shards;
end
$$;

-- Says why, of what outbox_append did not take; returns where the number of shards was not agreed on yet and all else is well.
create function outbox_refuse(
  p_shard int, p_key text, p_bytes int, p_position bigint, p_event_id uuid
) returns void language plpgsql stable as $$
declare
  v_bytes_max int;
  v_shards int;
  v_shard int;
  v_floor bigint;
begin
  select s.shards, s.row_bytes_max, outbox_shard_of(p_key, s.shards) into v_shards, v_bytes_max, v_shard
  from outbox_settings s;
  if p_shard is null then
    raise exception 'Cannot announce event %: the number of shards is not agreed on yet', p_event_id
      using errcode = 'OX002', hint = 'Start serve or worker once: they note OUTBOX_SHARDS';
  end if;
  if p_shard <> v_shard then
    raise exception 'Cannot announce event %: its key belongs to shard % of %, and % was given', p_event_id, v_shard,
      v_shards, p_shard using errcode = 'OX002', hint = 'Give null for the shard: outbox_append computes it from the key';
  end if;
  if p_bytes > coalesce(v_bytes_max, 900000) then
    raise exception 'Cannot announce event %: it takes % bytes, and % is the limit', p_event_id, p_bytes,
      coalesce(v_bytes_max, 900000) using errcode = 'OX001', hint = 'Keep what is large elsewhere and announce its place. '
      'Where the topic''s max.message.bytes and REQUEST_BYTES_MAX are larger: update outbox_settings set row_bytes_max = ...';
  end if;
  select r.position into v_floor from outbox_relayed r where r.shard = p_shard;
  if p_position <= v_floor then
    raise exception 'Cannot announce event %: the sequence outbox_position gave %, and all up to % was announced: it was '
      'set back, or restored without the table', p_event_id, p_position, v_floor using errcode = 'OX004',
      hint = 'Run: select setval(''outbox_position'', greatest((select last_value from outbox_position), (select max(position) from '
      'outbox), (select max(position) from outbox_relayed)))';
  end if;
end
$$;

create or replace function outbox_append(
  p_shard int, p_topic text, p_key text, p_value bytea, p_headers jsonb, p_event_id uuid, p_event_type text
) returns bigint language plpgsql volatile as $$
declare
  -- 256: the headers that the relay adds, and the frames of record and batch.
  v_bytes int := octet_length(p_value) + octet_length(p_key) + octet_length(p_event_type) + 256;
  v_shard int := p_shard;
  v_xid xid8;
  v_position bigint;
begin
  if p_headers <> '[]' then
    if not outbox_can_be_announced(0, 1, p_topic, p_event_type, p_headers) then
      raise exception 'Cannot announce event %: its headers are no array of [name, value] pairs of texts', p_event_id
        using errcode = 'OX003', hint = 'For example [["trace", "abc"], ["tenant", "7"]]; [] for none';
    end if;
    v_bytes := v_bytes + octet_length(p_headers::text);
  end if;
  if v_shard is null then
    select outbox_shard_of(p_key, s.shards) into v_shard from outbox_settings s;
  end if;
  v_xid := pg_current_xact_id();
  v_position := nextval('outbox_position');
  -- One statement looks and writes: each more costs an order some ten microseconds.
  insert into outbox (shard, position, topic, key, value, headers, event_id, event_type, xid)
  select v_shard, v_position, p_topic, p_key, p_value, p_headers, p_event_id, p_event_type, v_xid
  where (
    select v_bytes <= s.row_bytes_max
      and v_shard = case s.shards when 1 then 0 else outbox_shard_of(p_key, s.shards) end
    from outbox_settings s
  ) and v_position > coalesce((select r.position from outbox_relayed r where r.shard = v_shard), 0);
  if not found then
    perform outbox_refuse(v_shard, p_key, v_bytes, v_position, p_event_id);
    insert into outbox (shard, position, topic, key, value, headers, event_id, event_type, xid)
    values (v_shard, v_position, p_topic, p_key, p_value, p_headers, p_event_id, p_event_type, v_xid);
  end if;
  return v_position;
end
$$;

create or replace function outbox_mark(p_shard int, p_after bigint, out hi bigint, out xid xid8)
language plpgsql volatile as $$
declare
  v_visible boolean;
begin
  v_visible := exists (select from outbox where shard = p_shard and position > p_after);
  select case when s.is_called then s.last_value else 0 end into hi from outbox_position s;
  if hi < p_after then
    return;
  end if;
  if not v_visible then
    hi := null;
    return;
  end if;
  xid := pg_current_xact_id();
  perform pg_logical_emit_message(true, 'onceflow.outbox_mark', '');
end
$$;
`,
}];
