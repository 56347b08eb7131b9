/** Asks Postgres every few seconds: a role with nothing to do for it now would not notice that it is down. */
import { delay, doneWithin } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import type { Sql } from "../postgres/sql.ts";
import { whyNoWrites } from "../postgres/takes_writes.ts";

const intervalMs = 2_000;
const answerMsMax = 2_000;

/** Reports the condition `postgres` until the signal fires: does it answer, and does it take writes? */
export async function watchPostgres(
  sql: Sql,
  health: Pick<Health, "up" | "down">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const asked = whyNoWrites(sql);
    let inTime = await doneWithin(asked, answerMsMax);
    if (!inTime && !signal.aborted) health.down("postgres", "Postgres does not answer");
    // One question at a time: asked again and again, a server that hangs would find all of them when it is back.
    while (!inTime && !signal.aborted) inTime = await doneWithin(asked, 200);
    if (signal.aborted) return;
    const reason = await asked;
    if (reason === undefined) health.up("postgres");
    else health.down("postgres", reason);
    await delay(intervalMs, signal).catch(() => {});
  }
}
