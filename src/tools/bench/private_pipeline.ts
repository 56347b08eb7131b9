/** A database and topics of the benchmark's own, on the services that are measured; the user's are not touched. */
import { openRuntime, type Runtime } from "../../app/compose/open_runtime.ts";
import { type Config, Secret } from "../../config.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import type { BenchContext } from "./context.ts";

/** See the file's first line. Disposing drops the database and the topics. */
export interface PrivatePipeline extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly config: Config;
  readonly databaseUrl: string;
  /** The settings that make any command of onceflow use it. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Makes it, with the schema and the topics in place.
 *
 * @throws where the user of `DATABASE_URL` may not create databases
 */
export async function openPrivatePipeline(context: BenchContext): Promise<PrivatePipeline> {
  const { config, services } = context;
  const name = `onceflow_bench_${crypto.randomUUID().slice(0, 8)}`;
  const admin = openDatabase(services.databaseUrl, {
    connectionsMax: 1,
    applicationName: "onceflow bench",
  });
  const drop = async () => {
    await admin.sql.unsafe(`drop database if exists ${name} with (force)`);
    await admin.close();
  };
  try {
    await admin.sql.unsafe(`create database ${name}`);
    const url = new URL(services.databaseUrl);
    url.pathname = `/${name}`;
    const databaseUrl = url.href;
    const own = {
      ...config,
      KAFKA_BROKERS: [...services.kafka.brokers],
      DATABASE_URL: new Secret(databaseUrl),
      ORDERS_TOPIC: `onceflow-bench.${name}.orders`,
      INVOICES_TOPIC: `onceflow-bench.${name}.invoices`,
      DEAD_LETTERS_TOPIC: `onceflow-bench.${name}.DLQ`,
      OUTBOX_CURSOR_TOPIC: `onceflow-bench.${name}.cursor`,
    };
    const runtime = await openRuntime(own, {
      applicationName: "onceflow bench",
      connectionsMax: 4,
    });
    const topics = [
      own.ORDERS_TOPIC,
      own.INVOICES_TOPIC,
      own.DEAD_LETTERS_TOPIC,
      own.OUTBOX_CURSOR_TOPIC,
    ];
    return {
      runtime,
      config: own,
      databaseUrl,
      env: {
        KAFKA_BROKERS: own.KAFKA_BROKERS.join(","),
        DATABASE_URL: databaseUrl,
        DATABASE_URL_FILE: "",
        ORDERS_TOPIC: own.ORDERS_TOPIC,
        INVOICES_TOPIC: own.INVOICES_TOPIC,
        DEAD_LETTERS_TOPIC: own.DEAD_LETTERS_TOPIC,
        OUTBOX_CURSOR_TOPIC: own.OUTBOX_CURSOR_TOPIC,
      },
      async [Symbol.asyncDispose]() {
        await runtime[Symbol.asyncDispose]();
        if (!context.signal.aborted) await context.probe.delete(topics).catch(() => {});
        await drop();
      },
    };
  } catch (error) {
    await drop().catch(() => {});
    throw error;
  }
}
