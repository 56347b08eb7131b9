/** The sessions of the pipeline at the torture's Postgres, and how what must not stay there is undone. */
import { delay } from "../../../engine/core/delay.ts";
import type { Arena } from "../arena.ts";

const attemptsMax = 50;

function ofThePipeline(sql: Arena["sql"]) {
  return sql`
    backend_type = 'client backend' and pid <> pg_backend_pid()
    and application_name <> 'onceflow torture'
  `;
}

/** Processes that serve sessions of the pipeline, not the torture's own. */
export async function sessionPids(sql: Arena["sql"]): Promise<readonly number[]> {
  const sessions = await sql<{ pid: number }[]>`
    select pid from pg_stat_activity where ${ofThePipeline(sql)}
  `;
  return sessions.map(({ pid }) => pid);
}

/** Ends these sessions, and answers how many. */
export async function endSessions(sql: Arena["sql"]): Promise<number> {
  const ended = await sql`
    select pg_terminate_backend(pid) from pg_stat_activity where ${ofThePipeline(sql)}
  `;
  return ended.length;
}

/** Repeats what must be done: another fault may take the connection. */
export async function insist(act: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      await act();
      return;
    } catch (error) {
      if (attempt >= attemptsMax) throw error;
      await delay(200);
    }
  }
}
