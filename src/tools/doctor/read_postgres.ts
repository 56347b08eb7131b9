/** What the doctor asks of Postgres: each is one statement in a transaction that may only read. */
import type { Queryable, Sql } from "../../engine/postgres/sql.ts";
import { withTransaction } from "../../engine/postgres/with_transaction.ts";
import type { ConnectionFacts, ServerFacts } from "./judge_postgres.ts";

/** Runs questions in one transaction in which Postgres refuses every change. */
export function onlyReading<T>(sql: Sql, ask: (tx: Queryable) => Promise<T>): Promise<T> {
  return withTransaction(sql, async (tx) => {
    await tx`set transaction read only`;
    return await ask(tx);
  });
}

/** The server as a whole. */
export async function readServer(sql: Queryable): Promise<ServerFacts> {
  const [row] = await sql<(Omit<ServerFacts, "standbysInSync"> & { inSync: number | null })[]>`
    select current_setting('server_version_num')::int as "versionNumber",
      current_setting('server_version') as version, current_database() as database,
      current_user::text as "user", current_setting('autovacuum') = 'on' as autovacuum,
      coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
      (select 2147483647 - max(age(datfrozenxid)) from pg_database)::int as "xidsLeft",
      current_setting('synchronous_standby_names') as "synchronousStandbys",
      case when pg_has_role(current_user, 'pg_monitor', 'usage')
        then (select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum'))::int
      end as "inSync",
      pg_database_size(current_database())::float8 as "databaseBytes",
      (
        select coalesce(json_agg(json_build_object('name', slot_name, 'keptBytes', case
          when pg_is_in_recovery() then pg_wal_lsn_diff(pg_last_wal_replay_lsn(), restart_lsn)
          else pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)
        end)), '[]')
        from pg_replication_slots where not active and restart_lsn is not null
      ) as "idleSlots"
  `;
  if (row === undefined) throw new Error("the question about the server has no answer");
  const { inSync, ...facts } = row;
  return { ...facts, ...(inSync !== null && { standbysInSync: inSync }) };
}

/** Its clock: milliseconds since the epoch. */
export async function readClock(sql: Queryable): Promise<number> {
  const [row] = await sql<{ ms: number }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms
  `;
  return row?.ms ?? NaN;
}

/** By these names Postgres knows the sessions of the doctor, which are gone when it has ended. */
const askingNames = ["onceflow doctor", "onceflow start"];

/** How many sessions there may yet be, without those that ask. */
export async function readConnections(sql: Queryable): Promise<ConnectionFacts> {
  const [row] = await sql<
    { free: number; max: number; ofRole: number | null; ofDatabase: number | null }[]
  >`
    select max - taken + asking as free, max,
      case when rolconnlimit >= 0 then rolconnlimit - mine + asking end as "ofRole",
      case when datconnlimit >= 0 then datconnlimit - here + asking end as "ofDatabase"
    from (
      select current_setting('max_connections')::int
          - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true), '0')::int as max,
        (select coalesce(sum(numbackends), 0) from pg_stat_database)::int as taken,
        (select count(*) from pg_stat_activity where usename = current_user)::int as mine,
        (select numbackends from pg_stat_database where datname = current_database()) as here,
        (
          select count(*) from pg_stat_activity
          where usename = current_user and application_name = any (${askingNames})
        )::int as asking
    ) as counted, pg_roles, pg_database
    where rolname = current_user and datname = current_database()
  `;
  if (row === undefined) throw new Error("the question about connections has no answer");
  const { free, max, ofRole, ofDatabase } = row;
  return {
    ...{ free, max },
    ...(ofRole !== null && { freeOfRole: ofRole }),
    ...(ofDatabase !== null && { freeOfDatabase: ofDatabase }),
  };
}

/** What is there of the schema. */
export interface SchemaFacts {
  /** Names of migrations that this database was given. */
  readonly recorded: readonly string[];
  /** The schema that would be written to; undefined where there is none. */
  readonly schema?: string;
  readonly mayCreate: boolean;
}

/** Nothing where no migration has run yet. */
export async function readSchema(sql: Queryable): Promise<SchemaFacts> {
  const [row] = await sql<{ schema: string | null; mayCreate: boolean; there: boolean }[]>`
    select current_schema() as schema, to_regclass('onceflow_migrations') is not null as there,
      coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate"
  `;
  const recorded = row?.there
    ? await sql<{ name: string }[]>`select name from onceflow_migrations`
    : [];
  return {
    recorded: recorded.map(({ name }) => name),
    ...(row?.schema && { schema: row.schema }),
    mayCreate: row?.mayCreate ?? false,
  };
}

/** How many shards the outbox was filled with; undefined where it was not yet. */
export async function readShards(sql: Queryable): Promise<number | undefined> {
  const [row] = await sql<{ shards: number }[]>`select shards from outbox_settings`;
  return row?.shards;
}
