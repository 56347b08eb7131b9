/** Starts the PostgreSQL server as a process of its own. Never stops it, and keeps no record of it: the caller does. */
import { join } from "node:path";
import { lastLines } from "./last_lines.ts";
import {
  type AccountCommand,
  asPostgresUser,
  postgresAccount,
  postgresBinaries,
  postgresVersion,
} from "./postgres_binaries.ts";
import { postgresPing, postgresUser, runStatement } from "./postgres_wire.ts";
import { type Daemon, type ProcessIdentity, processStart, startDaemon } from "./processes.ts";
import { StackError } from "./stack_error.ts";
import { waitFor } from "./wait.ts";

/** Everything that the server needs; the directory is made and initialised when it is new. */
export interface PostgresOptions {
  /** Holds the cluster in `data`; owned by the account that runs the server. */
  readonly directory: string;
  readonly port: number;
  readonly logFile: string;
  /** The server that ran on this directory before, if one is on record. */
  readonly before?: ProcessIdentity;
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Far more than a start takes: a busy machine is slow, and a process that has ended is noticed at once. */
const startMsMax = 180_000;

/** Settings by name, as `postgres -c` takes them. Durability is not among what was tuned: fsync stays on. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  // Loopback TCP is enough; a socket file would need a directory that is ours and has a short path.
  unix_socket_directories: "",
  fsync: "on",
  synchronous_commit: "on",
  max_connections: "200",
  max_prepared_transactions: "20",
  shared_buffers: "128MB",
  max_wal_size: "512MB",
  min_wal_size: "80MB",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  log_line_prefix: "%m [%p] %d ",
};

/** Initialises the directory when it is new and starts the server; it does not answer yet, see {@linkcode awaitPostgres}. */
export async function startPostgres(options: PostgresOptions): Promise<Daemon> {
  const data = await initialise(options);
  await removeStrangersLock(data, options.before);
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return await startDaemon({
    ...asPostgresUser(postgresBinaries().postgres, [
      ...["-D", data, "-p", String(options.port)],
      ...flags,
    ]),
    cwd: "/",
    env: environment,
    outputFile: options.logFile,
  });
}

/**
 * Waits until the server answers, makes the database `onceflow` when it is missing, and returns the system identifier.
 *
 * @throws {StackError} with the end of its log when it ended or the time is over
 */
export async function awaitPostgres(
  daemon: Daemon,
  { port, logFile, signal }: Pick<PostgresOptions, "port" | "logFile" | "signal">,
  waitMsMax = startMsMax,
): Promise<string> {
  const identifier = await waitFor(async () => {
    const end = daemon.exited();
    if (end !== undefined) throw await failure(`it ended with ${end}`, logFile);
    return await postgresPing(port);
  }, { waitMsMax, signal });
  if (identifier === undefined) {
    throw await failure(`it does not answer on port ${port} after ${waitMsMax / 1000} s`, logFile);
  }
  const server = { port, database: "postgres", waitMsMax: 30_000 };
  const has = await runStatement(
    `SELECT 1 FROM pg_database WHERE datname = '${postgresUser}'`,
    server,
  );
  if (has === undefined) await runStatement(`CREATE DATABASE ${postgresUser}`, server);
  return identifier;
}

const environment = { LC_ALL: "C", TZ: "UTC" };

/** The cluster's directory, made by initdb under another name first so that an interrupted run leaves no half of one. */
async function initialise({ directory, onProgress, signal }: PostgresOptions): Promise<string> {
  const data = join(directory, "data");
  const version = await Deno.readTextFile(join(data, "PG_VERSION")).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const major = postgresVersion.split(".")[0];
  if (version?.trim() === major) return data;
  if (version !== undefined) {
    throw new StackError(
      `Cannot start PostgreSQL ${postgresVersion}: ${data} was written by version ${version.trim()}. ` +
        "`deno task stack reset` deletes the embedded stack's data.",
    );
  }
  onProgress?.(`making a PostgreSQL ${postgresVersion} data directory`);
  const partial = join(directory, "initialising");
  await Deno.remove(partial, { recursive: true }).catch(() => {});
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  const account = postgresAccount();
  if (account) await Deno.chown(directory, account.uid, account.gid);
  await succeed(
    asPostgresUser(postgresBinaries().initdb, [
      ...["-D", partial, "-U", postgresUser, "--auth=trust", "--encoding=UTF8", "--locale=C"],
      // The server syncs what it writes; an operating system that crashes within these seconds costs an empty database.
      "--no-sync",
    ]),
    "initialise PostgreSQL's data directory",
    signal,
  );
  await Deno.rename(partial, data);
  return data;
}

async function succeed(run: AccountCommand, action: string, signal?: AbortSignal): Promise<void> {
  const { command, args, ...account } = run;
  const output = await new Deno.Command(command, {
    args: [...args],
    ...account,
    env: environment,
    cwd: "/",
    stdin: "null",
    signal,
  }).output();
  signal?.throwIfAborted();
  if (output.success) return;
  const said = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
  throw new StackError(`Cannot ${action} (exit code ${output.code}):\n${said.trim()}`);
}

/**
 * PostgreSQL leaves `postmaster.pid` behind when it is killed, and passes over it at the next start unless another process
 * has that number by then. That one it takes for itself, so in this case alone the file goes: the start time on record
 * proves that the process is a stranger.
 */
async function removeStrangersLock(
  data: string,
  before: ProcessIdentity | undefined,
): Promise<void> {
  const file = join(data, "postmaster.pid");
  const text = await Deno.readTextFile(file).catch(() => "");
  const pid = Number(text.split("\n")[0]);
  if (before === undefined || pid !== before.pid) return;
  const started = await processStart(pid);
  if (started !== undefined && started !== before.startedAt) await Deno.remove(file);
}

async function failure(what: string, logFile: string): Promise<StackError> {
  const tail = await lastLines(logFile, 6);
  return new StackError(
    `Cannot start PostgreSQL: ${what}. Its log is ${logFile}${tail ? `, and says:\n${tail}` : ""}`,
  );
}
