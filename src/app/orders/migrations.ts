/** The orders' schema: what was ordered, which requests were answered, and the tax rates. */
import type { Migration } from "../../engine/postgres/migrate.ts";
import { erasureMigrations } from "./erasure_migrations.ts";

/**
 * `place_order` is the whole write of `POST /orders` as one statement, so that it costs one round trip and no open
 * transaction ever waits for the network. The order of its steps is the design: the order's row is inserted first,
 * and only then `outbox_append` takes the position. Needs the outbox's migrations before it.
 *
 * `amount < 'Infinity'` also refuses NaN, which Postgres sorts above everything.
 */
export const orderMigrations: readonly Migration[] = [{
  name: "orders_0001_tables",
  sql: `
create table orders (
  order_id text collate "C" primary key check (length(order_id) between 1 and 256),
  user_id text collate "C" not null check (length(user_id) between 1 and 256),
  amount numeric not null check (amount > 0 and amount < 'Infinity'),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  channel text not null default 'web' check (channel <> ''),
  placed_at timestamptz not null,
  event_id uuid not null
);
create index orders_of_user on orders (user_id, placed_at desc, order_id desc);

create table idempotency_keys (
  key text collate "C" primary key check (length(key) between 1 and 255),
  request_hash bytea not null check (length(request_hash) = 32),
  order_id text not null,
  response text not null,
  created_at timestamptz not null default clock_timestamp()
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

create function place_order(
  p_key text, p_request_hash bytea, p_response text,
  p_order_id text, p_user_id text, p_amount numeric, p_currency text, p_channel text, p_placed_at timestamptz,
  p_shard int, p_topic text, p_event bytea, p_event_id uuid, p_event_type text,
  out outcome text, out order_id text, out response text
) language plpgsql volatile as $$
declare
  v_seen idempotency_keys%rowtype;
begin
  order_id := p_order_id;
  response := p_response;
  if p_key is not null then
    -- Waits for a concurrent request with the same key, and then finds its row or its absence.
    insert into idempotency_keys (key, request_hash, order_id, response)
    values (p_key, p_request_hash, p_order_id, p_response)
    on conflict (key) do nothing;
    if not found then
      select * into v_seen from idempotency_keys k where k.key = p_key;
      if v_seen.key is null then
        raise exception 'idempotency key expired in this very moment' using errcode = 'serialization_failure';
      end if;
      outcome := case when v_seen.request_hash = p_request_hash then 'replayed' else 'key_conflict' end;
      order_id := v_seen.order_id;
      response := v_seen.response;
      return;
    end if;
  end if;

  insert into orders (order_id, user_id, amount, currency, channel, placed_at, event_id)
  values (p_order_id, p_user_id, p_amount, p_currency, p_channel, p_placed_at, p_event_id)
  on conflict on constraint orders_pkey do nothing;
  if not found then
    delete from idempotency_keys k where k.key = p_key;
    outcome := 'duplicate_order';
    return;
  end if;

  perform outbox_append(p_shard, p_topic, p_order_id, p_event, '[]', p_event_id, p_event_type);
  outcome := 'placed';
end
$$;
`,
}, {
  name: "orders_0002_tax_rates",
  sql: `
create table tax_rates (
  currency text primary key check (currency ~ '^[A-Z]{3}$'),
  rate numeric not null check (rate >= 0 and rate < 1),
  updated_at timestamptz not null default clock_timestamp()
);
insert into tax_rates (currency, rate) values
  ('USD', 0.0825), ('EUR', 0.19), ('GBP', 0.20), ('JPY', 0.10), ('CHF', 0.081), ('SEK', 0.25), ('KWD', 0);
`,
}, {
  name: "orders_0003_headers",
  sql: `
-- As the first one, with headers for the announcement. That one stays: programs of the version before call it.
create function place_order(
  p_key text, p_request_hash bytea, p_response text,
  p_order_id text, p_user_id text, p_amount numeric, p_currency text, p_channel text, p_placed_at timestamptz,
  p_shard int, p_topic text, p_event bytea, p_event_id uuid, p_event_type text,
  p_headers jsonb,
  out outcome text, out order_id text, out response text
) language plpgsql volatile as $$
declare
  v_seen idempotency_keys%rowtype;
begin
  order_id := p_order_id;
  response := p_response;
  if p_key is not null then
    insert into idempotency_keys (key, request_hash, order_id, response)
    values (p_key, p_request_hash, p_order_id, p_response)
    on conflict (key) do nothing;
    if not found then
      select * into v_seen from idempotency_keys k where k.key = p_key;
      if v_seen.key is null then
        raise exception 'idempotency key expired in this very moment' using errcode = 'serialization_failure';
      end if;
      outcome := case when v_seen.request_hash = p_request_hash then 'replayed' else 'key_conflict' end;
      order_id := v_seen.order_id;
      response := v_seen.response;
      return;
    end if;
  end if;

  insert into orders (order_id, user_id, amount, currency, channel, placed_at, event_id)
  values (p_order_id, p_user_id, p_amount, p_currency, p_channel, p_placed_at, p_event_id)
  on conflict on constraint orders_pkey do nothing;
  if not found then
    delete from idempotency_keys k where k.key = p_key;
    outcome := 'duplicate_order';
    return;
  end if;

  perform outbox_append(p_shard, p_topic, p_order_id, p_event, p_headers, p_event_id, p_event_type);
  outcome := 'placed';
end
$$;
`,
}, {
  // The client's name stands before its key: 32 characters and a space.
  name: "orders_0004_keys_of_clients",
  sql: `
alter table idempotency_keys drop constraint idempotency_keys_key_check;
alter table idempotency_keys add constraint idempotency_keys_key_check check (length(key) between 1 and 288) not valid;
`,
}, ...erasureMigrations];
