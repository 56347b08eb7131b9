/** Stops what the directory's record names, or deletes its data too. Never touches the cache of jars. */
import { type StackPaths, stackPaths } from "./paths.ts";
import { lockStack } from "./stack_lock.ts";
import { readRecord, type StackRecord, writeRecord } from "./stack_state.ts";
import { type Ending, stopService } from "./stop_service.ts";

/** How each service ended; `gone` when it was not running. */
export interface StopReport {
  readonly kafka: Ending;
  readonly postgres: Ending;
}

/**
 * Stops the services, in order where they end when asked, and returns when no process of theirs is left.
 *
 * @param which only these, for a command that has started only these
 * @param onProgress told where another command is waited for
 * @throws {StackError} when a process cannot be ended
 */
export async function stopStack(
  directory: string,
  which?: readonly (keyof StackRecord)[],
  onProgress?: (line: string) => void,
): Promise<StopReport> {
  const paths = stackPaths(directory);
  if (!await Deno.stat(paths.directory).then(() => true, () => false)) {
    return { kafka: "gone", postgres: "gone" };
  }
  using _lock = await lockStack(paths, onProgress);
  return await stopRecorded(paths, which);
}

/** Stops both services and deletes their data and logs, so that the next start is on empty ones. */
export async function resetStack(directory: string): Promise<StopReport> {
  const paths = stackPaths(directory);
  if (!await Deno.stat(paths.directory).then(() => true, () => false)) {
    return { kafka: "gone", postgres: "gone" };
  }
  using _lock = await lockStack(paths);
  const report = await stopRecorded(paths);
  for (const path of [paths.kafkaData, paths.postgresData, paths.logs]) {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  return report;
}

/**
 * Stops what is on record, side by side. The caller holds the lock. In a start that failed or hangs, Kafka has nothing to
 * hand over and is killed at once: an orderly end would write its class archive first.
 */
export async function stopRecorded(
  paths: StackPaths,
  which: readonly (keyof StackRecord)[] = ["kafka", "postgres"],
  kafkaEnds: "in order" | "at once" = "in order",
): Promise<StopReport> {
  const inOrder = kafkaEnds === "in order";
  const record = await readRecord(paths);
  const kafka = which.includes("kafka") ? record.kafka : undefined;
  const postgres = which.includes("postgres") ? record.postgres : undefined;
  const [endOfKafka, endOfPostgres]: readonly [Ending, Ending] = await Promise.all([
    kafka ? stopService(kafka, "Kafka", inOrder ? "TERM" : "KILL") : "gone",
    postgres ? stopService(postgres, "PostgreSQL", "INT") : "gone",
  ]);
  if (kafka && endOfKafka === "stopped" && inOrder) {
    await keepArchive(kafka.archive);
  }
  writeRecord(paths, {
    ...(kafka ? {} : { kafka: record.kafka }),
    ...(postgres ? {} : { postgres: record.postgres }),
  });
  return { kafka: endOfKafka, postgres: endOfPostgres };
}

/** Gives the class archive its name, now that the JVM that wrote it has ended in order and it is whole. */
async function keepArchive(archive: string): Promise<void> {
  await Deno.rename(`${archive}.new`, archive).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}
