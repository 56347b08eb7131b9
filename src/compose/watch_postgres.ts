/** Asks Postgres every few seconds: a role with nothing to do for it now would not notice that it is down. */
import { delay } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import { withinMs } from "../observe/within_ms.ts";
import type { Sql } from "../postgres/sql.ts";

const intervalMs = 2_000;
const answerMsMax = 2_000;

/** Reports the condition `postgres` until the signal fires. */
export async function watchPostgres(
  sql: Sql,
  health: Pick<Health, "up" | "down">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await withinMs(async () => await sql`select 1`, answerMsMax);
      health.up("postgres");
    } catch {
      // The cause names hosts, and this is shown to whoever asks for readiness; the roles log it.
      health.down("postgres", "Postgres does not answer");
    }
    await delay(intervalMs, signal).catch(() => {});
  }
}
