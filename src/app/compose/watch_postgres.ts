/** Asks Postgres every few seconds: a role with nothing to do for it now would not notice that it is down. */
import { delay, doneWithin, unlessAborted } from "../../engine/core/delay.ts";
import type { Health } from "../../engine/core/health.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import type { Sql } from "../../engine/postgres/sql.ts";
import { whyNoPositions } from "../../engine/outbox/set_back.ts";
import { whyNoWrites } from "../../engine/postgres/takes_writes.ts";
import { shownReason } from "../../engine/postgres/translate_error.ts";

const intervalMs = 2_000;
/** A process or a server that has much to do is no outage. */
const answerMsMax = 5_000;
/** This process may itself have stood still: then the answer is there, and only has to be read. */
const readMsMax = 200;

/** What else stands in the way of a role: undefined where nothing does. */
export type AlsoAsked = (sql: Sql) => Promise<string | undefined>;

const nothingElse: AlsoAsked = () => Promise.resolve(undefined);

/** Why no order can be taken now, undefined where one can: Postgres itself, and the outbox's own state in it. */
async function whyNoOrders(sql: Sql, alsoAsked: AlsoAsked): Promise<string | undefined> {
  // What the last question stumbles on (a right that was taken away), the roles meet and say themselves.
  return await whyNoWrites(sql) ?? await alsoAsked(sql).catch(shownReason) ??
    await whyNoPositions(sql).catch(() => undefined);
}

/** Reports the condition `postgres` until the signal fires: does it answer, and does it take writes? */
export async function watchPostgres(
  sql: Sql,
  health: Pick<Health, "up" | "down">,
  signal: AbortSignal,
  alsoAsked = nothingElse,
): Promise<void> {
  while (!signal.aborted) {
    const asked = whyNoOrders(sql, alsoAsked);
    const answered = unlessAborted(asked, signal).catch(() => {});
    if (!await doneWithin(answered, answerMsMax) && !await doneWithin(answered, readMsMax)) {
      health.down("postgres", "Postgres does not answer");
      // One question at a time: asked again and again, a server that hangs would find all of them when it is back.
      await answered;
    }
    if (signal.aborted) return;
    const reason = await asked;
    if (reason === undefined) health.up("postgres");
    else health.down("postgres", reason);
    await delay(intervalMs, signal).catch(() => {});
  }
}

/** A connection that Postgres does not answer on is given up then, milliseconds. */
const closeMsMax = 200;

/**
 * The same over a connection of its own: in a pool whose connections are all at work the question waits its turn, and
 * Postgres would seem not to answer.
 */
export async function watchPostgresAside(
  url: string,
  health: Pick<Health, "up" | "down">,
  signal: AbortSignal,
  alsoAsked = nothingElse,
): Promise<void> {
  const database = openDatabase(url, { connectionsMax: 1, applicationName: "onceflow watch" });
  try {
    await watchPostgres(database.sql, health, signal, alsoAsked);
  } finally {
    await database.close(closeMsMax);
  }
}
