-- What `operate` needs in Postgres, and no more: it notes what operators do, and exchanges the tables of the read model.
-- Run as the owner of the schema, after each `deno task migrate` and before the files of serve and worker.
-- create role onceflow_operate login password '...'; grant onceflow_operate to <the owner of the schema>;
grant usage on schema public to onceflow_operate;
grant select, insert on audit_log to onceflow_operate;
grant select on pipeline_namespaces to onceflow_operate;
-- To rebuild and to go back. Without what follows it sends dead letters back and frees keys alone.
grant create on schema public to onceflow_operate;
do $$ begin execute format('grant create on database %I to onceflow_operate', current_database()); end $$;
alter table order_view owner to onceflow_operate;
alter table customer_totals owner to onceflow_operate;
grant select on erased_orders to onceflow_operate;
grant select, update on projections to onceflow_operate;
grant select, insert, update, delete on projection_positions, processed_events to onceflow_operate;
