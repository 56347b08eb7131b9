/** A lock that its holder's connection keeps: gone the moment the process dies. Owns a connection of its own. */
import { type DatabaseOptions, openDatabase } from "./database.ts";
import { takesNoWrites, takesWrites } from "./takes_writes.ts";
import { translatingErrors } from "./translate_error.ts";

/** Held by at most one connection of the database at a time. It only says who should try: fencing is elsewhere. */
export interface AdvisoryLock extends AsyncDisposable {
  /**
   * True when this process holds the lock now; takes it when it is free. A lost connection has lost it.
   *
   * @throws {DependencyDownError} when Postgres cannot be reached, or takes no writes: a standby gives out locks of its own,
   * to whoever asks there while the true holder works
   */
  tryHold(): Promise<boolean>;
}

/** Names a lock by a class and a number within it. */
export function openAdvisoryLock(
  url: string,
  name: { readonly classId: number; readonly objectId: number },
  options: Omit<DatabaseOptions, "connectionsMax">,
): AdvisoryLock {
  // A single connection: with more of them the lock would belong to whichever happened to serve the statement.
  const open = () => openDatabase(url, { ...options, connectionsMax: 1 });
  let database = open();
  return {
    async tryHold() {
      const rows = await translatingErrors(() =>
        database.sql<{ writes: boolean; held: boolean }[]>`
          select writes, case
            when not writes then false
            when exists (
              select from pg_locks
              where locktype = 'advisory' and pid = pg_backend_pid() and granted
                and classid = ${name.classId}::int::oid and objid = ${name.objectId}::int::oid
                and objsubid = 2
            ) then true
            else pg_try_advisory_lock(${name.classId}::int, ${name.objectId}::int)
          end as held
          from (select ${takesWrites(database.sql)} as writes) as server
        `
      );
      if (rows[0]?.writes) return rows[0].held;
      const closing = database;
      // The address may name another server by now.
      database = open();
      await closing.close();
      throw takesNoWrites();
    },
    [Symbol.asyncDispose]: () => database.close(),
  };
}
