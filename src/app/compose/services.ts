/** Where Kafka and Postgres are, as the settings say it. */
import type { Config } from "../../config.ts";
import type { KafkaSettings } from "../../engine/kafka/kafka_client.ts";
import { kafkaSettings } from "./kafka_settings.ts";

/** Where the services are. */
export interface Services {
  readonly kafka: KafkaSettings;
  readonly databaseUrl: string;
  /** True when they are the embedded stack. */
  readonly embedded: boolean;
}

/** Nothing to talk to: what to do is in the message. */
export class NoServicesError extends Error {
  override name = "NoServicesError";
}

/**
 * The services that the settings name; undefined when they do not name both.
 *
 * @throws {ConfigError} when a file that the settings name cannot be used
 */
export function ownServices(config: Config): Services | undefined {
  const { KAFKA_BROKERS, DATABASE_URL } = config;
  if (!KAFKA_BROKERS || !DATABASE_URL) return undefined;
  return {
    kafka: kafkaSettings(config, KAFKA_BROKERS),
    databaseUrl: DATABASE_URL.reveal(),
    embedded: false,
  };
}
