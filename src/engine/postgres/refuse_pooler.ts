/** Refuses a connection pooler that gives one connection to several sessions in turn. It only asks, and holds nothing. */
import { HaltError } from "../core/errors.ts";
import { openDatabase, sentSettings } from "./database.ts";
import { translatingErrors } from "./translate_error.ts";

/** Addresses that were found to be no such pooler. */
const seenDirect = new Set<string>();
const directly = "Let DATABASE_URL name Postgres itself, or a pool in session mode";

/**
 * Opens two connections and asks each several times which session of the server it has. With Postgres itself, or a pooler
 * in session mode, each keeps one of its own. In transaction mode they share: a rebuild's lock would then stay on the
 * pooler's connection when its holder is gone, and the session that a relay's lease names would be somebody else's.
 *
 * A process asks once for each address: what stands there does not change between two of its roles.
 *
 * @throws {HaltError} with the reason and the remedy
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function refusePooler(url: string): Promise<void> {
  if (seenDirect.has(url)) return;
  // A connection that is lost in between has another session afterwards: that does not happen twice.
  if (!await isShared(url) || !await isShared(url)) return void seenDirect.add(url);
  throw new HaltError(
    "Cannot work with this Postgres: a connection pooler stands before it and gives a session to another connection with " +
      "each transaction (PgBouncer's pool_mode transaction or statement). A rebuild's lock would stay behind in it for ever, " +
      `and nobody could tell whether the session that leads a relay's shard is still there. ${directly}`,
  );
}

/** The order matters to a pooler that takes its servers in turn: no number of them fits it. */
const turns = [0, 1, 1, 0, 0, 0, 1, 1, 0, 1] as const;

async function isShared(url: string): Promise<boolean> {
  const options = { connectionsMax: 1, applicationName: "onceflow start" };
  await using first = openDatabase(url, options);
  await using second = openDatabase(url, options);
  const seen = [new Set<number>(), new Set<number>()] as const;
  for (const turn of turns) {
    seen[turn].add(await sessionOf([first, second][turn]?.sql ?? first.sql));
  }
  return sessionsAreShared(...seen);
}

/** Whether these are the sessions of two connections that do not keep one each. */
export function sessionsAreShared(
  first: ReadonlySet<number>,
  second: ReadonlySet<number>,
): boolean {
  return first.size > 1 || second.size > 1 || !first.isDisjointFrom(second);
}

async function sessionOf({ unsafe }: Pick<ReturnType<typeof openDatabase>["sql"], "unsafe">) {
  try {
    // Without a prepared statement, which such a pooler may have lost by the next question.
    const [row] = await translatingErrors(() => unsafe("select pg_backend_pid() as pid"));
    return Number(row?.pid);
  } catch (error) {
    throw refusalOfPooler(error) ?? error;
  }
}

/** The halt that says so, where a pooler has refused the settings that every session is opened with; else undefined. */
export function refusalOfPooler(error: unknown): HaltError | undefined {
  const [said] = /unsupported startup parameter[^)]*/.exec(String(error)) ?? [];
  if (said === undefined) return undefined;
  return new HaltError(
    `Cannot work with this Postgres: a connection pooler stands before it and refuses what every session is opened with ` +
      `(${said}). ${directly} that takes them: ignore_startup_parameters = ${
        sentSettings.join(", ")
      } in PgBouncer, and the server's own values are checked instead`,
    { cause: error },
  );
}
