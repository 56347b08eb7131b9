/** A lock that its holder's connection keeps: gone the moment the process dies. Owns a connection of its own. */
import { type DatabaseOptions, openDatabase } from "./database.ts";
import { translatingErrors } from "./translate_error.ts";

/** Held by at most one connection of the database at a time. It only says who should try: fencing is elsewhere. */
export interface AdvisoryLock extends AsyncDisposable {
  /** True when this process holds the lock now; takes it when it is free. A lost connection has lost it. */
  tryHold(): Promise<boolean>;
}

/** Names a lock by a class and a number within it. */
export function openAdvisoryLock(
  url: string,
  name: { readonly classId: number; readonly objectId: number },
  options: Omit<DatabaseOptions, "connectionsMax">,
): AdvisoryLock {
  // A single connection: with more of them the lock would belong to whichever happened to serve the statement.
  const database = openDatabase(url, { ...options, connectionsMax: 1 });
  const { sql } = database;
  return {
    async tryHold() {
      const rows = await translatingErrors(() =>
        sql<{ held: boolean }[]>`
          select case when exists (
            select from pg_locks
            where locktype = 'advisory' and pid = pg_backend_pid() and granted
              and classid = ${name.classId}::int::oid and objid = ${name.objectId}::int::oid
              and objsubid = 2
          ) then true else pg_try_advisory_lock(${name.classId}::int, ${name.objectId}::int) end as held
        `
      );
      return rows[0]?.held ?? false;
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}
