/** Opens what every long-running command needs: settings, services, topics, schema. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../config.ts";
import { createKafkaClient, type KafkaClient } from "../kafka/kafka_client.ts";
import { orderMigrations } from "../orders/migrations.ts";
import { orderViews } from "../orders/views.ts";
import { agreeOnShards } from "../outbox/agree_on_shards.ts";
import { outboxMigrations } from "../outbox/migrations.ts";
import { relayMigrations } from "../outbox/relay_migrations.ts";
import { type Database, openDatabase } from "../postgres/database.ts";
import { migrate } from "../postgres/migrate.ts";
import { installProjection } from "../projection/install_projection.ts";
import { projectionMigrations } from "../projection/projection_schema.ts";
import { resolveServices, type Services } from "./services.ts";
import { ensureAppTopics } from "./topics_of.ts";

/** Open connections and what was learned on the way. Disposing closes them. */
export interface Runtime extends AsyncDisposable {
  readonly config: Config;
  readonly services: Services;
  readonly client: KafkaClient;
  readonly database: Database;
  /** Partitions of each topic of the application. */
  readonly partitions: ReadonlyMap<string, number>;
}

const log = getLogger(["onceflow", "compose"]);

/** Every room's migrations, in an order in which each finds what it needs. */
const migrations = [
  ...outboxMigrations,
  ...relayMigrations,
  ...orderMigrations,
  ...projectionMigrations,
];

/** The read model with the topics of this configuration. */
export function viewsOf(config: Config) {
  return orderViews({
    orders: config.ORDERS_TOPIC,
    invoices: config.INVOICES_TOPIC,
    deadLetters: config.DEAD_LETTERS_TOPIC,
  });
}

/** Connects, makes missing topics, brings the schema up to date. Several processes may do so at once. */
export async function openRuntime(
  config: Config,
  options: {
    readonly applicationName: string;
    readonly onProgress?: (line: string) => void;
    readonly connectionsMax?: number;
  },
): Promise<Runtime> {
  const services = await resolveServices(config, "start", options.onProgress);
  const client = createKafkaClient(services.kafka);
  const database = openDatabase(services.databaseUrl, {
    connectionsMax: options.connectionsMax ?? config.DATABASE_CONNECTIONS_MAX,
    applicationName: options.applicationName,
  });
  try {
    const [partitions] = await Promise.all([
      ensureAppTopics(client, config),
      prepareSchema(database, config),
    ]);
    return {
      config,
      services,
      client,
      database,
      partitions,
      [Symbol.asyncDispose]: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function prepareSchema({ sql }: Database, config: Config): Promise<void> {
  const applied = await migrate(sql, migrations);
  if (applied.length > 0) log.info("Applied migrations {applied}", { applied: applied.join(", ") });
  await agreeOnShards(sql, config.OUTBOX_SHARDS);
  const installation = await installProjection(sql, viewsOf(config));
  if (installation.kind === "stale") {
    log.warn("The read model is of version {version}; run: deno task projection rebuild", {
      version: installation.version,
    });
  }
}
