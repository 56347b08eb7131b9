-- What `worker` needs in Postgres, and no more: it takes rows out of the outbox, folds the read model, and writes no order.
-- Run as the owner of the schema, after each `deno task migrate` and each `projection rebuild` of a new version.
-- create role onceflow_worker login password '...';
grant usage on schema public to onceflow_worker;
grant select on onceflow_migrations, orders, erased_orders, tax_rates to onceflow_worker;
grant select, insert on outbox_settings, pipeline_namespaces, audit_log to onceflow_worker;
grant select, delete on outbox to onceflow_worker;
grant select on sequence outbox_position to onceflow_worker;
grant select, insert, update, delete on outbox_relayed, outbox_leads, outbox_topics to onceflow_worker;
grant select, update on projections to onceflow_worker;
grant select, insert, update, delete on projection_positions, processed_events, order_view, customer_totals
  to onceflow_worker;
