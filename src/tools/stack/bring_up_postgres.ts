/** The embedded server from nothing to answering: free port, data directory, process. Keeps no record itself. */
import type { StackPaths } from "./paths.ts";
import { requireFreePort } from "./ports.ts";
import { postgresVersion } from "./postgres_binaries.ts";
import { StackError } from "./stack_error.ts";
import type { PostgresService } from "./stack_state.ts";
import { awaitPostgres, startPostgres } from "./start_postgres.ts";
import { pause } from "./wait.ts";

/** Where the server listens, which one ran before, and whom to tell. */
export interface PostgresStart {
  readonly postgresPort: number;
  /** What is on record of the server that ran on this data before. */
  readonly before?: PostgresService;
  readonly onProgress?: (line: string) => void;
  /** Called as soon as there is a process, before it answers. */
  readonly onStarted: (service: PostgresService) => void;
  readonly signal?: AbortSignal;
}

const attemptsMax = 20;
const retryMs = 250;

/**
 * Starts the server and waits until it answers.
 *
 * @throws {StackError} naming what is missing, taken or broken
 */
export async function bringUpPostgres(
  paths: StackPaths,
  { postgresPort, before, onProgress, onStarted, signal }: PostgresStart,
): Promise<PostgresService> {
  await requireFreePort(postgresPort, "PostgreSQL", "STACK_POSTGRES_PORT", {
    oursBefore: before?.port === postgresPort,
    signal,
  });
  const server = {
    directory: paths.postgresData,
    port: postgresPort,
    logFile: paths.postgresLog,
    before,
    onProgress,
    signal,
  };
  onProgress?.(`starting PostgreSQL ${postgresVersion} on 127.0.0.1:${postgresPort}`);
  for (let attempt = 1;; attempt++) {
    const daemon = await startPostgres(server);
    const service: PostgresService = {
      ...daemon.identity,
      port: postgresPort,
      version: postgresVersion,
      log: paths.postgresLog,
    };
    onStarted(service);
    try {
      return { ...service, systemIdentifier: await awaitPostgres(daemon, server) };
    } catch (error) {
      if (!stillHeld(error) || attempt >= attemptsMax) throw error;
      await pause(retryMs, signal);
    }
  }
}

/** After `kill -9` the server's other processes take a moment to notice, and hold its memory until then. */
function stillHeld(error: unknown): boolean {
  return error instanceof StackError &&
    /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(
      error.message,
    );
}
