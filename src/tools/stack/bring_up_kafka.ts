/** The embedded broker from nothing to answering: free port, Java, jars, data directory, process. Keeps no record itself. */
import { basename, join } from "node:path";
import { fenceLastBroker } from "./fence_last_broker.ts";
import { requireJava } from "./java.ts";
import { kafkaJars } from "./kafka_jars.ts";
import type { StackPaths } from "./paths.ts";
import { freePort, requireFreePort } from "./ports.ts";
import type { Daemon } from "./processes.ts";
import type { KafkaService } from "./stack_state.ts";
import { awaitBroker, clusterIdOf, newClusterId, startBroker } from "./start_broker.ts";

/**
 * The Kafka of the embedded stack: the newest line that writes the marker of every transaction (KAFKA-20734). 4.3.0, 4.3.1
 * and 4.4.0 skip that of a partition without a leader; `tests/cluster/kafka_markers_test.ts` is red on them.
 */
export const kafkaVersion = "4.2.2";

/** Where the broker listens, where its jars are kept, and whom to tell. */
export interface KafkaStart {
  readonly kafkaPort: number;
  readonly cacheDirectory?: string;
  readonly onProgress?: (line: string) => void;
  /** Called as soon as there is a process, before it answers. */
  readonly onStarted: (service: KafkaService) => void;
  readonly signal?: AbortSignal;
}

/**
 * Starts the broker and waits until it answers.
 *
 * @throws {StackError} naming what is missing, taken or broken
 */
export async function bringUpKafka(paths: StackPaths, options: KafkaStart): Promise<KafkaService> {
  const { kafkaPort, onProgress, signal } = options;
  await requireFreePort(kafkaPort, "Kafka", "STACK_KAFKA_PORT", { oursBefore: false, signal });
  const java = await requireJava();
  const cacheDirectory = options.cacheDirectory ?? join(paths.directory, "cache");
  const jars = await kafkaJars({ version: kafkaVersion, cacheDirectory, onProgress, signal });
  const dataDirectory = join(paths.kafkaData, "broker-1");
  const clusterId = await clusterIdOf(dataDirectory);
  const broker = {
    nodeId: 1,
    port: kafkaPort,
    voters: [{ nodeId: 1, controllerPort: freePort() }],
    dataDirectory,
    clusterId: clusterId ?? newClusterId(),
    jars,
    java,
    logFile: paths.kafkaLog,
    archive: join(cacheDirectory, `${basename(jars)}-java-${java.version}.jsa`),
    signal,
  };
  const serviceOf = ({ identity }: Daemon): KafkaService => ({
    ...identity,
    port: kafkaPort,
    version: kafkaVersion,
    log: paths.kafkaLog,
    clusterId: broker.clusterId,
    archive: broker.archive,
  });
  onProgress?.(`starting Kafka ${kafkaVersion} on 127.0.0.1:${kafkaPort}`);
  if (clusterId !== undefined) {
    await fenceLastBroker(broker, (daemon) => options.onStarted(serviceOf(daemon)));
  }
  const daemon = await startBroker(broker);
  options.onStarted(serviceOf(daemon));
  await awaitBroker(daemon, broker);
  return serviceOf(daemon);
}
