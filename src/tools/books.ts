/** Wires the conservation checker: the independent reader, the names of this pipeline, its database. */
import { join } from "node:path";
import type { Config } from "../config.ts";
import { kafkaJars } from "./stack/kafka_jars.ts";
import { kafkaVersion } from "./stack/ensure_stack.ts";
import { orderProblem } from "../app/orders/order_record.ts";
import { openDatabase } from "../engine/postgres/database.ts";
import { checkConservation, type ConservationReport } from "./verify/check_conservation.ts";
import { plainLogin } from "./plain_login.ts";
import type { FindHindrances } from "./verify/hindrance.ts";
import { askClusterTime } from "../engine/kafka/cluster_time.ts";
import { createKafkaClient } from "../engine/kafka/kafka_client.ts";
import { whyOpen } from "../engine/kafka/why_open.ts";
import { explainOrder, type OrderExplanation } from "./verify/explain_order.ts";
import { pipelineNames } from "../app/compose/pipeline_names.ts";
import { deadLetterRetentionMs } from "../app/compose/topics_of.ts";
import type { LogReaderConnection } from "./verify/client_properties.ts";
import { type LogReader, openLogReader } from "./verify/log_reader.ts";
import type { Services } from "../app/compose/services.ts";

/** Starts the independent reader against these services; the jars come from the stack's cache. */
export async function openReader(
  config: Config,
  { kafka }: Services,
  signal: AbortSignal,
  onProgress?: (line: string) => void,
): Promise<LogReader> {
  const jarsDir = await kafkaJars({
    version: kafkaVersion,
    cacheDirectory: join(config.STACK_DIR, "cache"),
    onProgress,
    signal,
  });
  const connection: LogReaderConnection = {
    brokers: kafka.brokers,
    ssl: kafka.ssl,
    sasl: plainLogin(kafka),
  };
  return await openLogReader(
    connection,
    { jarsDir, cacheDir: join(config.STACK_DIR, "verify") },
    signal,
  );
}

/** Checks the whole pipeline once. */
export async function checkBooks(
  config: Config,
  services: Services,
  options: {
    readonly drained: boolean;
    readonly signal: AbortSignal;
    readonly onProgress?: (line: string) => void;
  },
): Promise<ConservationReport> {
  await using database = openDatabase(services.databaseUrl, {
    connectionsMax: 2,
    applicationName: "onceflow verify",
    statementTimeoutMs: 0,
  });
  await using reader = await openReader(config, services, options.signal, options.onProgress);
  return await checkConservation(database.sql, reader, {
    names: pipelineNames(config),
    spillDir: join(config.STACK_DIR, "verify"),
    orderProblem,
    findHindrances: hindrancesOf(services),
    drained: options.drained,
    deadLetterRetentionMs: deadLetterRetentionMs(config),
    now: () => askClusterTime(createKafkaClient(services.kafka)),
    openTransactionWaitMs: config.TRANSACTION_TIMEOUT_MS + 15_000,
    signal: options.signal,
    onProgress: options.onProgress,
  });
}

/** Gathers what is known of one order. */
export async function explain(
  config: Config,
  services: Services,
  orderId: string,
  signal: AbortSignal,
): Promise<OrderExplanation> {
  await using database = openDatabase(services.databaseUrl, {
    connectionsMax: 2,
    applicationName: "onceflow explain",
  });
  await using reader = await openReader(config, services, signal);
  return await explainOrder(database.sql, reader, orderId, {
    names: pipelineNames(config),
    spillDir: join(config.STACK_DIR, "verify"),
    orderProblem,
    findHindrances: hindrancesOf(services),
    signal,
  });
}

/** What cannot be asked leaves a finding without its cause; it stays a finding. */
function hindrancesOf({ kafka }: Services): FindHindrances {
  const client = createKafkaClient(kafka);
  return (topics) => whyOpen(client, topics).catch(() => []);
}
