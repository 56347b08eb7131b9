/** Says who holds the outbox back: the oldest transaction that may still write. Never ends anyone's session. */
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/**
 * The oldest transaction with an xid. Read-only transactions and replication slots have none and hold nothing back;
 * those of other databases of the same server do, because xids are shared.
 */
export type HorizonHolder =
  | {
    readonly kind: "session";
    readonly pid: number;
    readonly applicationName: string;
    readonly database: string;
    readonly user: string;
    /** `idle in transaction` is a writer that was left open. */
    readonly state: string;
    /** What it runs, or ran last. Hidden by Postgres from roles without pg_read_all_stats. */
    readonly query: string;
  }
  | {
    /** PREPARE TRANSACTION: it stays through restarts until it is committed or rolled back by this name. */
    readonly kind: "prepared";
    readonly gid: string;
    readonly database: string;
    readonly user: string;
  };

/** How far the barrier can see. */
export interface Horizon {
  /** The smallest xid that may still be in flight, as text. A mark with a greater one is waiting. */
  readonly xmin: string;
  /** How long its transaction has been open; 0 where nothing is. */
  readonly ageMs: number;
  /** Undefined when no transaction holds an xid, or it ended while we looked. */
  readonly holder: HorizonHolder | undefined;
}

interface HolderRow {
  readonly xmin: string;
  readonly ageMs: number | null;
  readonly pid: number | null;
  readonly gid: string | null;
  readonly applicationName: string | null;
  readonly database: string | null;
  readonly user: string | null;
  readonly state: string | null;
  readonly query: string | null;
}

/**
 * The horizon now, for the metric and for `explain`.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function horizon(sql: Queryable): Promise<Horizon> {
  const [row] = await translatingErrors(() =>
    sql<HolderRow[]>`
      with open as (
        select backend_xid as xid, pid, null as gid, application_name, datname, usename, state,
          left(query, 500) as query, xact_start as since
        from pg_stat_activity
        where backend_xid is not null and pid <> pg_backend_pid()
        union all
        select transaction, null, gid, null, database, owner, null, null, prepared
        from pg_prepared_xacts
      ), oldest as (
        select * from open order by age(xid) desc limit 1
      )
      select pg_snapshot_xmin(pg_current_snapshot())::text as xmin, pid, gid,
        application_name as "applicationName", datname as database, usename as "user", state, query,
        (extract(epoch from clock_timestamp() - since) * 1000)::float8 as "ageMs"
      from (select) as always left join oldest on true
    `
  );
  if (row === undefined) throw new Error("the horizon query returned no row");
  return { xmin: row.xmin, ageMs: Math.max(0, row.ageMs ?? 0), holder: holderIn(row) };
}

function holderIn(row: HolderRow): HorizonHolder | undefined {
  const database = row.database ?? "";
  const user = row.user ?? "";
  if (row.gid !== null) return { kind: "prepared", gid: row.gid, database, user };
  if (row.pid === null) return undefined;
  return {
    kind: "session",
    pid: row.pid,
    applicationName: row.applicationName ?? "",
    database,
    user,
    state: row.state ?? "",
    query: row.query ?? "",
  };
}
