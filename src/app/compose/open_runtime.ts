/** Opens what every long-running command needs: settings, services, topics, schema. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../../config.ts";
import { createHealth, type Health } from "../../engine/core/health.ts";
import { withCluster } from "../../engine/kafka/group_standing.ts";
import { createKafkaClient, type KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { type Database, openDatabase } from "../../engine/postgres/database.ts";
import { prepareSchema } from "./prepare_schema.ts";
import type { Role } from "./roles.ts";
import { NoServicesError, ownServices, type Services } from "./services.ts";
import { ensureAppTopics } from "./topics_of.ts";
import { unanswered, unreached } from "./unreached.ts";
import { type ReachOptions, untilReached } from "./until_reached.ts";

/** Open connections and what was learned on the way. Disposing closes them. */
export interface Runtime extends AsyncDisposable {
  readonly config: Config;
  readonly services: Services;
  readonly client: KafkaClient;
  readonly database: Database;
  /** Partitions of each topic that was asked for; empty until Kafka was reached, where that is not waited for. */
  readonly partitions: ReadonlyMap<string, number>;
}

const log = getLogger(["onceflow", "compose"]);

/** How to open. */
export interface OpenOptions {
  readonly applicationName: string;
  /** Where the services are; those that the settings name where absent. */
  readonly findServices?: () => Promise<Services>;
  readonly connectionsMax?: number;
  /** Whose topics are looked at; those of all roles where absent. */
  readonly roles?: readonly Role[];
  /** A service that is away is waited for, and said here; without it that is an error at once. */
  readonly health?: Health;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Kafka is asked for its topics in the background, for as long as the runtime is open: {@linkcode Runtime.partitions}. */
  readonly kafkaLater?: boolean;
}

/**
 * Connects, brings the schema up to date, makes missing topics. Several processes may do so at once.
 *
 * @throws {NoServicesError} when nobody says where the services are
 * @throws {HaltError} when the schema is not up to date and may not be changed, or is another namespace's: then nothing is made
 * @throws {UnreachedError} naming place and setting, when a service is away and nobody waits for it
 */
export async function openRuntime(config: Config, options: OpenOptions): Promise<Runtime> {
  const services = await options.findServices?.() ?? ownServices(config);
  if (!services) throw new NoServicesError("Set KAFKA_BROKERS and DATABASE_URL");
  const client = createKafkaClient(services.kafka);
  const database = openDatabase(services.databaseUrl, {
    connectionsMax: options.connectionsMax ?? config.DATABASE_CONNECTIONS_MAX,
    applicationName: options.applicationName,
  });
  const closed = new AbortController();
  const ended = options.signal ? [options.signal, closed.signal] : [closed.signal];
  const signal = AbortSignal.any(ended);
  const partitions = new Map<string, number>();
  const close = async () => {
    closed.abort(new DOMException("Closed", "AbortError"));
    await database.close();
  };
  const reach = <T>(
    name: "kafka" | "postgres",
    health: Health | undefined,
    work: () => Promise<T>,
  ) =>
    reached(work, {
      ...{ name, health, signal },
      unreached: (error) => unreached(name, services, error),
      unanswered: (afterMs) => unanswered(name, services, afterMs),
    });
  try {
    const schema = reach(
      "postgres",
      options.health,
      () => prepareSchema(database, services.databaseUrl, config),
    );
    const topics = () =>
      reach(
        "kafka",
        options.kafkaLater ? createHealth() : options.health,
        async () => {
          for (const [topic, count] of await ensureAppTopics(client, config, options.roles)) {
            partitions.set(topic, count);
          }
        },
      );
    // No topic is made before the database has said that this is its namespace.
    if (options.kafkaLater) {
      await schema;
      topics().catch((error) => tellUnlessAborted(error, signal));
    } else {
      // Meanwhile Kafka is asked whether it is there, which leaves nothing.
      const kafka = reach("kafka", options.health, () => withCluster(client, async () => {}));
      await Promise.all([schema, kafka]);
      await topics();
    }
    return { config, services, client, database, partitions, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The same; undefined when the signal ended the waiting. */
export async function openUntilStopped(
  config: Config,
  options: OpenOptions & { readonly signal: AbortSignal },
): Promise<Runtime | undefined> {
  try {
    return await openRuntime(config, options);
  } catch (error) {
    if (options.signal.aborted) return undefined;
    throw error;
  }
}

/** Waits where somebody is told of it. */
async function reached<T>(
  work: () => Promise<T>,
  { health, unreached, ...rest }: Omit<ReachOptions, "health"> & { readonly health?: Health },
): Promise<T> {
  if (health) return await untilReached(work, { health, unreached, ...rest });
  try {
    return await work();
  } catch (error) {
    throw unreached(error) ?? error;
  }
}

function tellUnlessAborted(error: unknown, signal: AbortSignal): void {
  if (!signal.aborted) log.error("Cannot read the topics: {error}", { error: String(error) });
}
