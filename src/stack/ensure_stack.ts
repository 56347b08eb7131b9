/** Brings the embedded stack up: finds what runs, starts what is missing, side by side. Never stops a service that answers. */
import { basename, join } from "node:path";
import { findStack, inspectStack, type ServiceCondition } from "./find_stack.ts";
import { requireJava } from "./java.ts";
import { kafkaJars } from "./kafka_jars.ts";
import { type StackPaths, stackPaths } from "./paths.ts";
import { freePort, requireFreePort } from "./ports.ts";
import { postgresVersion } from "./postgres_binaries.ts";
import type { Daemon } from "./processes.ts";
import { lockStack } from "./stack_lock.ts";
import {
  type KafkaService,
  type PostgresService,
  readRecord,
  type StackRecord,
  type StackState,
  stackState,
  writeRecord,
} from "./stack_state.ts";
import { awaitBroker, clusterIdOf, newClusterId, startBroker } from "./start_broker.ts";
import { awaitPostgres, startPostgres } from "./start_postgres.ts";
import { stopRecorded } from "./stop_stack.ts";

/** The Kafka of the embedded stack. */
export const kafkaVersion = "4.3.1";

/** Where the stack lives, where it listens, and whom to tell. */
export interface StackOptions {
  /** Data, logs and the record; made when it is missing. */
  readonly directory: string;
  readonly kafkaPort: number;
  readonly postgresPort: number;
  /** Jars and class archives, which other directories may share; `cache` in the directory by default. */
  readonly cacheDirectory?: string;
  /** Lines for a person: `starting Kafka 4.3.1 on 127.0.0.1:19092`. */
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
  const seen = await inspectStack(options.directory);
  const missing = (["kafka", "postgres"] as const)
    .filter((name) => seen[name].condition !== "running");
  // What is there and does not answer hangs, or its starter was interrupted.
  await stopRecorded(paths, missing.filter((name) => seen[name].condition === "silent"), "at once");

  const before = await readRecord(paths);
  await Deno.mkdir(paths.logs, { recursive: true });
  const keep = recorder(paths, before);
  const starting = new AbortController();
  const signal = AbortSignal.any([starting.signal, ...(options.signal ? [options.signal] : [])]);
  const startedNow: ServiceName[] = [];
  const onStarted = (name: ServiceName) => startedNow.push(name);
  const unlessRunning = async <T>(
    { condition, service }: { condition: ServiceCondition; service?: T },
    bringUp: () => Promise<T>,
  ): Promise<T> => {
    if (condition === "running" && service !== undefined) return service;
    try {
      return await bringUp();
    } catch (error) {
      starting.abort(error); // the other one need not go on
      throw error;
    }
  };
  const inHand = { ...options, signal };
  const results = await Promise.allSettled([
    unlessRunning(seen.kafka, () => bringUpKafka(inHand, paths, keep, onStarted)),
    unlessRunning(
      seen.postgres,
      () => bringUpPostgres(inHand, paths, before.postgres, keep, onStarted),
    ),
  ]);
  const [kafka, postgres] = results;
  if (kafka.status === "fulfilled" && postgres.status === "fulfilled") {
    return { ...stackState(paths.directory, kafka.value, postgres.value), started: missing };
  }
  await stopRecorded(paths, startedNow, "at once");
  throw signal.reason;
}

type Keep = (change: StackRecord) => void;
type OnStarted = (name: ServiceName) => void;

/** Notes each step at once, so that a start that is cut off leaves no process that nobody knows of. */
function recorder(paths: StackPaths, before: StackRecord): Keep {
  let record = before;
  return (change) => writeRecord(paths, record = { ...record, ...change });
}

async function bringUpKafka(
  options: StackOptions,
  paths: StackPaths,
  keep: Keep,
  onStarted: OnStarted,
): Promise<KafkaService> {
  const { kafkaPort, onProgress, signal } = options;
  await requireFreePort(kafkaPort, "Kafka", "STACK_KAFKA_PORT");
  const java = await requireJava();
  const cacheDirectory = options.cacheDirectory ?? join(paths.directory, "cache");
  const jars = await kafkaJars({ version: kafkaVersion, cacheDirectory, onProgress, signal });
  const dataDirectory = join(paths.kafkaData, "broker-1");
  const broker = {
    nodeId: 1,
    port: kafkaPort,
    voters: [{ nodeId: 1, controllerPort: freePort() }],
    dataDirectory,
    clusterId: await clusterIdOf(dataDirectory) ?? newClusterId(),
    jars,
    java,
    logFile: paths.kafkaLog,
    archive: join(cacheDirectory, `${basename(jars)}-java-${java.version}.jsa`),
    signal,
  };
  onProgress?.(`starting Kafka ${kafkaVersion} on 127.0.0.1:${kafkaPort}`);
  const daemon = await startBroker(broker);
  const service: KafkaService = {
    ...daemon.mark,
    port: kafkaPort,
    version: kafkaVersion,
    log: paths.kafkaLog,
    clusterId: broker.clusterId,
    archive: broker.archive,
  };
  onStarted("kafka");
  keep({ kafka: service });
  await awaitBroker(daemon, broker);
  return service;
}

async function bringUpPostgres(
  { postgresPort, onProgress, signal }: StackOptions,
  paths: StackPaths,
  before: PostgresService | undefined,
  keep: Keep,
  onStarted: OnStarted,
): Promise<PostgresService> {
  await requireFreePort(postgresPort, "PostgreSQL", "STACK_POSTGRES_PORT");
  const server = {
    directory: paths.postgresData,
    port: postgresPort,
    logFile: paths.postgresLog,
    before,
    onProgress,
    signal,
  };
  onProgress?.(`starting PostgreSQL ${postgresVersion} on 127.0.0.1:${postgresPort}`);
  const daemon: Daemon = await startPostgres(server);
  const service: PostgresService = {
    ...daemon.mark,
    port: postgresPort,
    version: postgresVersion,
    log: paths.postgresLog,
  };
  onStarted("postgres");
  keep({ postgres: service });
  const answered = { ...service, systemIdentifier: await awaitPostgres(daemon, server) };
  keep({ postgres: answered });
  return answered;
}
