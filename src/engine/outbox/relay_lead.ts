/** The leases in Postgres: looks who has one, takes, renews and gives back. What to do about it is decided elsewhere. */
import { type Database, type DatabaseOptions, openDatabase } from "../postgres/database.ts";
import { takesNoWrites, takesWrites } from "../postgres/takes_writes.ts";
import { translatingErrors } from "../postgres/translate_error.ts";
import type { LeadHolder } from "./lead_rules.ts";

/** The lease of one shard, for one process. Each of these throws a `DependencyDownError` where Postgres is away. */
export interface RelayLead {
  /** The id of this process among the owners. */
  readonly owner: string;
  /** Who has it now. Changes nothing. */
  look(): Promise<SeenHolder | undefined>;
  /** Takes it for so long, unless it has changed since it was looked at. */
  take(seen: SeenHolder | undefined, forMs: number): Promise<boolean>;
  /** Makes it valid for so long from now on; false when another process has it, or nobody. */
  renew(forMs: number): Promise<boolean>;
  /** Gives it back where it is ours. */
  release(): Promise<void>;
  /** Opens another connection for what comes next: this one does not answer. */
  reconnect(): void;
}

/** A holder, and the row that told of it. */
export interface SeenHolder extends LeadHolder {
  /** Another one after each change of the row. */
  readonly version: string;
}

/** The leases that a process may have, over a connection of their own: a pool that is busy must not cost the lead. */
export interface RelayLeads extends AsyncDisposable {
  of(shard: number): RelayLead;
}

const statementMsMax = 5_000;

/** Connects when the first of them is asked. `name` tells people which process this is. */
export function openRelayLeads(
  url: string,
  { name, ...options }: Omit<DatabaseOptions, "connectionsMax"> & { readonly name: string },
): RelayLeads {
  const open = () =>
    openDatabase(url, {
      connectTimeoutMs: statementMsMax,
      statementTimeoutMs: statementMsMax,
      ...options,
      connectionsMax: 1,
    });
  const closing = new Set<Promise<void>>();
  let database = open();
  const reconnect = (used: Database) => {
    if (used !== database) return;
    const closed = used.close(0).catch(() => {}).finally(() => closing.delete(closed));
    closing.add(closed);
    database = open();
  };
  const owner = crypto.randomUUID();
  return {
    of: (shard) => relayLead(() => database, reconnect, { shard, owner, name }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...closing, database.close()]);
    },
  };
}

function relayLead(
  database: () => Database,
  reconnect: (used: Database) => void,
  { shard, owner, name }: { readonly shard: number; readonly owner: string; readonly name: string },
): RelayLead {
  const session = (sql: Database["sql"]) =>
    sql`
      (select pid, backend_start, coalesce(' at ' || host(inet_client_addr()), '') as place
       from pg_stat_activity where pid = pg_backend_pid()) as own
    `;
  const until = (sql: Database["sql"], forMs: number) =>
    sql`clock_timestamp() + make_interval(secs => ${forMs / 1000}::float8)`;
  return {
    owner,
    async look() {
      const used = database();
      const rows = await translatingErrors(() =>
        used.sql<(SeenHolder & { readonly writes: boolean; readonly owner: string | null })[]>`
          select writes, owner, name, held_until::text as version,
            (extract(epoch from clock_timestamp() - taken_at) * 1000)::float8 as "heldMs",
            (extract(epoch from held_until - clock_timestamp()) * 1000)::float8 as "leftMs",
            not exists (
              select from pg_stat_activity as other
              where other.pid = lead.pid
                -- Not shown to other users than the session's own.
                and (other.backend_start is null or other.backend_start = lead.backend_start)
            ) as "isGone"
          from (select ${
          takesWrites(used.sql)
        } as writes) as server left join outbox_leads as lead on shard = ${shard}
        `
      );
      const [row] = rows;
      if (!row?.writes) {
        // The address may name another server by now.
        reconnect(used);
        throw takesNoWrites();
      }
      const { writes: _, ...holder } = row;
      return holder.owner === null ? undefined : holder;
    },
    async take(seen, forMs) {
      const { sql } = database();
      const rows = await translatingErrors(() =>
        seen === undefined
          ? sql`
            insert into outbox_leads (shard, owner, name, pid, backend_start, taken_at, held_until)
            select ${shard}, ${owner}::uuid, ${name}::text || place, pid, backend_start, clock_timestamp(),
              ${until(sql, forMs)}
            from ${session(sql)}
            on conflict (shard) do nothing
            returning shard
          `
          : sql`
            update outbox_leads
            set owner = ${owner}, name = ${name}::text || own.place, pid = own.pid,
              backend_start = own.backend_start, taken_at = clock_timestamp(), held_until = ${
            until(sql, forMs)
          }
            from ${session(sql)}
            where shard = ${shard} and owner = ${seen.owner}
              and held_until = ${seen.version}::text::timestamptz
            returning shard
          `
      );
      return rows.length > 0;
    },
    async renew(forMs) {
      const { sql } = database();
      const rows = await translatingErrors(() =>
        sql`
          update outbox_leads
          set pid = own.pid, backend_start = own.backend_start, held_until = ${until(sql, forMs)}
          from ${session(sql)}
          where shard = ${shard} and owner = ${owner}
          returning shard
        `
      );
      return rows.length > 0;
    },
    async release() {
      const { sql } = database();
      await translatingErrors(() =>
        sql`delete from outbox_leads where shard = ${shard} and owner = ${owner}`
      );
    },
    reconnect: () => reconnect(database()),
  };
}
