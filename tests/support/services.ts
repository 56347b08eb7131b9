/**
 * The real Kafka and PostgreSQL of the tests: one embedded stack in `.onceflow/test`, shared by all test files of a run.
 * `run_tests.ts` stops it at the end; after a single `deno test` it stays up for the next one.
 */
import { fileURLToPath } from "node:url";
import { ensureStack } from "../../src/tools/stack/ensure_stack.ts";
import { findStack } from "../../src/tools/stack/find_stack.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { runStatement } from "../../src/tools/stack/postgres_wire.ts";
import { databaseUrl, type StackState } from "../../src/tools/stack/stack_state.ts";
import { stackFlags } from "./permissions.ts";

/** Where the services listen. */
export interface Services {
  readonly kafkaBrokers: string[];
  /** The database `onceflow`; tests that write take a {@linkcode freshDatabase}. */
  readonly databaseUrl: string;
}

/** A database of its own, dropped with everything connected to it when disposed. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** The checkout, with a slash at its end. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The directory of the tests' stack. */
export const testStackDirectory = `${root}.onceflow/test`;

let running: Promise<StackState> | undefined;

/** The tests' Kafka and PostgreSQL, started when they are not running. */
export async function services(): Promise<Services> {
  const { kafkaBrokers, databaseUrl } = await (running ??= findOrStart());
  return { kafkaBrokers: [...kafkaBrokers], databaseUrl };
}

/** An empty database, for one test or one file: `await using database = await freshDatabase()`. */
export async function freshDatabase(): Promise<TestDatabase> {
  const { postgres } = await (running ??= findOrStart());
  const server = { port: postgres.port, database: "postgres", waitMsMax: 30_000 };
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await runStatement(`CREATE DATABASE ${name}`, server);
  return {
    url: databaseUrl(postgres.port, name),
    async [Symbol.asyncDispose]() {
      await runStatement(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, server);
    },
  };
}

/**
 * A program of its own starts the stack: the services outlive it, and a test that started them itself would have to
 * explain two running children to Deno's sanitizers.
 */
async function findOrStart(): Promise<StackState> {
  const found = await findStack(testStackDirectory);
  if (found) return found;
  const starter = await new Deno.Command("deno", {
    args: ["run", "--quiet", ...stackFlags(), fileURLToPath(import.meta.url)],
    cwd: root,
    stdin: "null",
  }).output();
  const started = await findStack(testStackDirectory);
  if (started) return started;
  throw new Error(
    `Cannot start the services of the tests: ${new TextDecoder().decode(starter.stderr).trim()}`,
  );
}

/** Starts the tests' stack on free ports, keeping jars where `deno task stack` keeps them. */
export async function startTestStack(
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  await ensureStack({
    directory: testStackDirectory,
    cacheDirectory: `${root}.onceflow/cache`,
    kafkaPort: freePort(),
    postgresPort: freePort(),
    onProgress,
    signal,
  });
}

if (import.meta.main) await startTestStack(console.error);
