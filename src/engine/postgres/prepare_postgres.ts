/** Waits for a Postgres to work with, and prepares it. Says what stands in the way; it makes nothing itself. */
import { delay, unlessAborted } from "../core/delay.ts";
import { DependencyDownError, HaltError } from "../core/errors.ts";
import type { Health } from "../core/health.ts";
import { getLogger } from "../packages/logtape.ts";
import type { Database } from "./database.ts";
import { refusePooler } from "./refuse_pooler.ts";
import { checkSessionSettings } from "./session_settings.ts";
import { isRefused, shownReason, translateError } from "./translate_error.ts";

/** What is prepared, and who waits. */
export interface Preparation {
  readonly database: Database;
  readonly databaseUrl: string;
  /** The only schema that the database's statements shall see. */
  readonly schema?: string;
  /** Brings the tables up to date; may be called again. */
  readonly prepare: () => Promise<unknown>;
  /** What a person is to run where the user may not do that. */
  readonly advice: string;
  readonly health: Health;
  readonly signal: AbortSignal;
}

const retryMs = 1_000;
const cause = "start";
const log = getLogger(["onceflow", "postgres"]);

/**
 * Waits without a limit for a Postgres that is away, as `postgres` in health.
 *
 * @throws {HaltError} when it is none to work with: a pooler that shares sessions, settings that lose what was said to be
 * durable, a user, password or database that it refuses, tables that are missing and may not be made
 * @throws the signal's reason when that fires
 */
export async function preparePostgres(preparation: Preparation): Promise<void> {
  const { health, signal } = preparation;
  let isSaid = false;
  while (true) {
    try {
      await unlessAborted(attempt(preparation), signal);
      return health.up("postgres", cause);
    } catch (error) {
      signal.throwIfAborted();
      const found = translateError(error);
      if (!(found instanceof DependencyDownError)) throw found;
      if (isRefused(found)) {
        throw new HaltError(`${found.message}. ${preparation.advice}`, { cause: found });
      }
      if (isLasting(found)) throw new HaltError(found.message, { cause: found });
      if (!isSaid) log.warn("{reason}; waiting until it is there", { reason: found.message });
      isSaid = true;
      const shown = shownReason(found) ?? "it was not reached";
      health.down("postgres", `since the start: ${shown}`, { cause });
    }
    await delay(retryMs, signal);
  }
}

async function attempt(
  { database: { sql }, databaseUrl, schema, prepare }: Preparation,
): Promise<void> {
  await refusePooler(databaseUrl);
  await checkSessionSettings(sql);
  await prepare();
  if (schema === undefined) return;
  const [row] = await sql`select current_schema() as schema`;
  if (row?.schema === schema) return;
  throw new HaltError(
    `Cannot work in schema ${schema}: the session is in ${
      row?.schema ?? "none"
    }. A connection pooler that swallows search_path ` +
      `stands between: let the address name Postgres itself; or the user may not use the schema: grant usage on it`,
  );
}

/** The user, the password or the database is wrong: no retry changes that. */
function isLasting({ cause }: DependencyDownError): boolean {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /^(28...|3D000)$/.test(code);
}
