/** Lets a row be a tombstone, and says in words why one without a key is refused. Needs all that is before it. */
import type { Migration } from "../postgres/migrate.ts";

/**
 * `outbox_append` as `cloud_event_migrations.ts` has it, but for values that may be null: a topic that is compacted forgets
 * the key then. An event without a key has no shard and no order; it was refused as if the number of shards were not known.
 */
export const tombstoneMigrations: readonly Migration[] = [{
  name: "outbox_0008_tombstones",
  sql: `
alter table outbox alter column value drop not null;

create or replace function outbox_append(
  p_shard int, p_topic text, p_key text, p_value bytea, p_headers jsonb, p_event_id uuid, p_event_type text
) returns bigint language plpgsql volatile as $$
declare
  -- 512: the headers that the relay adds, two of which hold the type, and the frames of record and batch.
  v_bytes int := coalesce(octet_length(p_value), 0) + octet_length(p_key) + 2 * octet_length(p_event_type) + 512;
  v_shard int := p_shard;
  v_xid xid8;
  v_position bigint;
begin
  if p_key is null then
    raise exception 'Cannot announce event %: it has no key, and the outbox keeps events in order by key', p_event_id
      using errcode = 'OX005', hint = 'Give it a key of its own, such as its id; the relay takes the key''s partition';
  end if;
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
`,
}];
