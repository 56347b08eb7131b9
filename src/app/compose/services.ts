/** Decides which Kafka and Postgres a command talks to: the user's own, or the embedded stack. */
import { type Config, ConfigError } from "../../config.ts";
import type { KafkaSettings } from "../../engine/kafka/kafka_client.ts";
import { awaitStack } from "../../tools/stack/await_stack.ts";
import { ensureStack } from "../../tools/stack/ensure_stack.ts";

/** Where the services are. */
export interface Services {
  readonly kafka: KafkaSettings;
  readonly databaseUrl: string;
  /** True when they are the embedded stack. */
  readonly embedded: boolean;
}

/** Whether a command may start the embedded stack, or only use one that runs. */
export type StackUse = "start" | "find";

/** Nothing to talk to: what to do is in the message. */
export class NoServicesError extends Error {
  override name = "NoServicesError";
}

/**
 * The services of this configuration; with neither `KAFKA_BROKERS` nor `DATABASE_URL` set, the embedded stack, started
 * when it is not running and `use` allows it.
 *
 * @throws {NoServicesError} when the stack is to be found and does not run
 * @throws {StackError} when it runs and does not answer, or cannot be started
 */
export async function resolveServices(
  config: Config,
  use: StackUse,
  onProgress: (line: string) => void = () => {},
): Promise<Services> {
  const { KAFKA_BROKERS, DATABASE_URL } = config;
  if (KAFKA_BROKERS && DATABASE_URL) {
    return {
      kafka: kafkaSettings(config, KAFKA_BROKERS),
      databaseUrl: DATABASE_URL.reveal(),
      embedded: false,
    };
  }
  const options = {
    directory: config.STACK_DIR,
    kafkaPort: config.STACK_KAFKA_PORT,
    postgresPort: config.STACK_POSTGRES_PORT,
    onProgress,
  };
  const stack = use === "start"
    ? await ensureStack(options)
    : await awaitStack(config.STACK_DIR, { onProgress });
  if (!stack) {
    throw new NoServicesError(
      `There is no embedded stack running in ${config.STACK_DIR}. Start it with "deno task stack", ` +
        `or set KAFKA_BROKERS and DATABASE_URL to use your own services`,
    );
  }
  return {
    kafka: kafkaSettings(config, stack.kafkaBrokers),
    databaseUrl: stack.databaseUrl,
    embedded: true,
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

function kafkaSettings(config: Config, brokers: readonly string[]): KafkaSettings {
  const { KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = config;
  return {
    brokers,
    clientId: config.KAFKA_CLIENT_ID,
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
