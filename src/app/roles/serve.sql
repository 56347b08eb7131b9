-- What `serve` needs in Postgres, and no more: it writes orders and their outbox rows, and reads the rest.
-- Run as the owner of the schema, after each `deno task migrate` and each `projection rebuild` of a new version.
-- create role onceflow_serve login password '...';
grant usage on schema public to onceflow_serve;
grant select on onceflow_migrations, projections, projection_positions, outbox_relayed, outbox_leads, outbox_topics,
  order_view, customer_totals to onceflow_serve;
grant select, insert on orders, outbox, outbox_settings, pipeline_namespaces to onceflow_serve;
grant select, insert, delete on idempotency_keys to onceflow_serve;
grant select, usage on sequence outbox_position to onceflow_serve;
