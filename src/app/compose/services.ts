/** Where Kafka and Postgres are, as the settings say it. */
import { type Config, ConfigError } from "../../config.ts";
import type { KafkaSettings } from "../../engine/kafka/kafka_client.ts";

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
 * @throws {ConfigError} when the file of `KAFKA_SSL_CA` cannot be used
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

/** @throws {ConfigError} naming the setting */
function readPem(path: string): string {
  try {
    const text = Deno.readTextFileSync(path);
    if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
    throw new Error("it holds no certificate in PEM");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`KAFKA_SSL_CA: cannot use ${path}: ${reason}`, { cause: error });
  }
}

/** How to reach these brokers under the settings. @throws {ConfigError} as {@linkcode ownServices} */
export function kafkaSettings(config: Config, brokers: readonly string[]): KafkaSettings {
  const { KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = config;
  return {
    brokers,
    clientId: config.KAFKA_CLIENT_ID,
    namespace: config.NAMESPACE,
    ssl: config.KAFKA_SSL_CA === undefined
      ? config.KAFKA_SSL
      : { ca: readPem(config.KAFKA_SSL_CA) },
    unpackedBytesMax: config.BATCH_UNPACKED_BYTES_MAX,
    ...(KAFKA_SASL_MECHANISM && {
      sasl: {
        mechanism: KAFKA_SASL_MECHANISM,
        username: KAFKA_SASL_USERNAME ?? "",
        password: KAFKA_SASL_PASSWORD?.reveal() ?? "",
      },
    }),
  };
}
