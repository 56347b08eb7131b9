/** Brings the embedded stack up: finds what runs, starts what is missing, side by side. Never stops a service that answers. */
import { bringUpKafka } from "./bring_up_kafka.ts";
import { bringUpPostgres } from "./bring_up_postgres.ts";
import { findStack, inspectStack } from "./find_stack.ts";
import { type StackPaths, stackPaths } from "./paths.ts";
import { lockStack } from "./stack_lock.ts";
import {
  readRecord,
  type StackRecord,
  type StackState,
  stackState,
  writeRecord,
} from "./stack_state.ts";
import { stopRecorded } from "./stop_stack.ts";

export { kafkaVersion } from "./bring_up_kafka.ts";

/** Where the stack lives, where it listens, and whom to tell. */
export interface StackOptions {
  /** Data, logs and the record; made when it is missing. */
  readonly directory: string;
  readonly kafkaPort: number;
  readonly postgresPort: number;
  /** Jars and class archives, which other directories may share; `cache` in the directory by default. */
  readonly cacheDirectory?: string;
  /** Lines for a person: `starting Kafka 4.2.2 on 127.0.0.1:19092`. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** One of the two services. */
export type ServiceName = "kafka" | "postgres";

/** A running stack, and which of its services this call has started (and their owner may want to stop). */
export interface EnsuredStack extends StackState {
  readonly started: readonly ServiceName[];
}

/**
 * Finds the running stack of the directory, or starts what is missing of it. The services outlive this program.
 *
 * @throws {StackError} naming what is missing, taken or broken and what to do; what this call has started is stopped then
 */
export async function ensureStack(options: StackOptions): Promise<EnsuredStack> {
  const found = await findStack(options.directory);
  if (found) return { ...found, started: [] };
  const paths = stackPaths(options.directory);
  using _lock = await lockStack(paths, options.onProgress, options.signal);
  return await startMissing(paths, options);
}

/** The caller holds the lock. */
async function startMissing(paths: StackPaths, options: StackOptions): Promise<EnsuredStack> {
  const seen = await inspectStack(paths.directory);
  const missing = (["kafka", "postgres"] as const)
    .filter((name) => seen[name].condition !== "running");
  // What is there and does not answer hangs, or its starter was interrupted.
  await stopRecorded(paths, missing.filter((name) => seen[name].condition === "silent"), "at once");
  await Deno.mkdir(paths.logs, { recursive: true });

  const keep = recorder(paths, await readRecord(paths));
  const startedNow = new Set<ServiceName>();
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, ...(options.signal ? [options.signal] : [])]);
  const unlessRunning = async <Service>(
    name: ServiceName,
    running: Service | undefined,
    bringUp: () => Promise<Service>,
  ): Promise<Service> => {
    if (!missing.includes(name) && running) return running;
    try {
      return await bringUp();
    } catch (error) {
      failure.abort(error); // the other one need not go on
      throw error;
    }
  };
  const note = (name: ServiceName, change: StackRecord) => {
    startedNow.add(name);
    keep(change);
  };
  const [kafka, postgres] = await Promise.allSettled([
    unlessRunning("kafka", seen.kafka.service, () =>
      bringUpKafka(paths, {
        ...options,
        onStarted: (kafka) => note("kafka", { kafka }),
        signal,
      })),
    unlessRunning("postgres", seen.postgres.service, async () => {
      const postgres = await bringUpPostgres(paths, {
        ...options,
        before: seen.postgres.service,
        onStarted: (postgres) => note("postgres", { postgres }),
        signal,
      });
      note("postgres", { postgres }); // now with its system identifier
      return postgres;
    }),
  ]);
  if (kafka.status === "fulfilled" && postgres.status === "fulfilled") {
    return { ...stackState(paths.directory, kafka.value, postgres.value), started: missing };
  }
  await stopRecorded(paths, [...startedNow], "at once");
  throw signal.reason;
}

/** Notes each step at once, so that a start that is cut off leaves no process that nobody knows of. */
function recorder(paths: StackPaths, before: StackRecord): (change: StackRecord) => void {
  let record = before;
  return (change) => writeRecord(paths, record = { ...record, ...change });
}
