/** Lets one rebuild of a projection work at a time, and tells the others whose turn it is. It fences nobody. */
import { RefusedError } from "../core/refused_error.ts";
import { openAdvisoryLock } from "../postgres/advisory_lock.ts";
import type { Sql } from "../postgres/sql.ts";
import { type Backoff, waitForPostgres } from "./wait_for_postgres.ts";

/** The class of the advisory locks that say which process rebuilds a projection. */
const rebuildLockClass = 0x72656264; // "rebd"
/** How often the lock is taken again, should its connection have died. */
const holdAgainMs = 5_000;

/**
 * Takes the turn, which the end of the process gives back. That two rebuilds never disturb each other does not rest on it:
 * whoever comes last takes the place, and the other one stops and says so.
 *
 * @throws {RefusedError} when another rebuild is at work, naming it
 */
export async function holdRebuild(
  sql: Sql,
  databaseUrl: string,
  projection: string,
  { backoff, signal }: { readonly backoff: Backoff; readonly signal: AbortSignal },
): Promise<AsyncDisposable> {
  const objectId = numberOf(projection);
  const lock = openAdvisoryLock(databaseUrl, { classId: rebuildLockClass, objectId }, {
    applicationName: `onceflow rebuild, process ${Deno.pid}`,
  });
  try {
    if (!await waitForPostgres(() => lock.tryHold(), backoff, signal)) {
      throw new RefusedError(await refusal(sql, projection, objectId));
    }
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
  const timer = setInterval(() => void lock.tryHold().catch(() => {}), holdAgainMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await lock[Symbol.asyncDispose]();
    },
  };
}

/** Who works, since when, and what to do about it. */
async function refusal(sql: Sql, projection: string, objectId: number): Promise<string> {
  const [holder] = await sql`
    select pid, application_name as name, coalesce(host(client_addr), 'this host') as address, backend_start as since
    from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and objsubid = 2 and pg_locks.database = (
        select oid from pg_database where datname = current_database())
      and classid = ${rebuildLockClass}::int::oid and objid = ${objectId}::int::oid
  `;
  if (holder === undefined) {
    return `Another rebuild of ${projection} has ended in this moment; run it again if that is still needed`;
  }
  const since = holder.since instanceof Date ? holder.since.toISOString() : String(holder.since);
  return `Another rebuild of ${projection} is at work since ${since}: ${holder.name} from ${holder.address}. ` +
    `Wait for it, or end that process; where it cannot be reached, end its session with ` +
    `\`select pg_terminate_backend(${holder.pid})\`, then run this again`;
}

/** The same number for the same name, in every process. */
function numberOf(text: string): number {
  let number = 0;
  for (const letter of text) number = (Math.imul(number, 31) + (letter.codePointAt(0) ?? 0)) | 0;
  return number;
}
