/** Settings: the only reader of the environment. Every limit carries its unit in its name; secrets never print. */
import { z } from "zod";
import { defaultNamespace, namesIn, namespacePattern } from "./engine/core/names.ts";

/** How strongly the worker guarantees its effects. */
export const guarantees = ["exactly-once", "at-least-once", "at-most-once"] as const;
/** One of {@linkcode guarantees}. */
export type Guarantee = (typeof guarantees)[number];

const secrets = new WeakMap<Secret, string>();

/** A value that must not be printed: it shows as `[redacted]` in logs, JSON and templates. */
export class Secret {
  constructor(value: string) {
    secrets.set(this, value);
  }
  /** The value itself, for the one place that hands it to a client. */
  reveal(): string {
    return secrets.get(this) ?? "";
  }
  toString(): string {
    return "[redacted]";
  }
  toJSON(): string {
    return "[redacted]";
  }
  [Symbol.for("Deno.customInspect")](): string {
    return "[redacted]";
  }
}

const text = z.string().trim().min(1);
const integer = (low: number, high: number, fallback: number) =>
  z.coerce.number().int().min(low).max(high).default(fallback);
const flag = z.enum(["true", "false", "1", "0", "yes", "no"])
  .transform((word) => ["true", "1", "yes"].includes(word));
/** Its default begins with the namespace: see {@linkcode withTopics}. */
const topicName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, "a Kafka topic name").optional();

/** Every setting with its default, by the name it has in the environment. */
const environment = z.object({
  KAFKA_BROKERS: text.transform((list) => list.split(",").map((broker) => broker.trim()))
    .optional(),
  KAFKA_SSL: flag.default(false),
  KAFKA_SSL_CA: text.optional(),
  KAFKA_SASL_MECHANISM: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).optional(),
  KAFKA_SASL_USERNAME: text.optional(),
  KAFKA_SASL_PASSWORD: text.transform((value) => new Secret(value)).optional(),
  KAFKA_CLIENT_ID: text.default("onceflow"),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, "a postgres:// address")
    .transform((value) => new Secret(value)).optional(),
  DATABASE_CONNECTIONS_MAX: integer(1, 1000, 10),
  HTTP_HOST: text.default("127.0.0.1"),
  HTTP_PORT: integer(0, 65535, 8080),
  HTTP_DRAIN_MS: integer(0, 600_000, 1_000),
  WORKER_HTTP_PORT: integer(0, 65535, 0),
  API_TOKEN: z.string().regex(
    /^[A-Za-z0-9._~+/-]+=*$/,
    "a bearer token: letters, digits or ._~+/-, = only at its end",
  ).transform((value) => new Secret(value)).optional(),
  GUARANTEE: z.enum(guarantees).default("exactly-once"),
  NAMESPACE: z.string().regex(namespacePattern, "at most 60 letters, digits, . _ or -")
    .default(defaultNamespace),
  ORDERS_TOPIC: topicName,
  INVOICES_TOPIC: topicName,
  DEAD_LETTERS_TOPIC: topicName,
  OUTBOX_CURSOR_TOPIC: topicName,
  TOPIC_PARTITIONS: integer(1, 1000, 4),
  TOPIC_REPLICATION_FACTOR: integer(-1, 10, -1),
  OUTBOX_SHARDS: integer(1, 64, 1),
  IDEMPOTENCY_RETENTION_HOURS: integer(1, 24 * 365, 24 * 7),
  OUTBOX_RETENTION_HOURS: integer(0, 24 * 365, 24),
  RELAY_BATCH_RECORDS_MAX: integer(1, 100_000, 2_000),
  RELAY_POLL_INTERVAL_MS: integer(1, 60_000, 50),
  BATCH_RECORDS_MAX: integer(1, 100_000, 2_000),
  BATCH_BYTES_MAX: integer(1_024, 100 * 1024 * 1024, 4 * 1024 * 1024),
  BATCH_UNPACKED_BYTES_MAX: integer(1024 * 1024, 1024 * 1024 * 1024, 64 * 1024 * 1024),
  BATCH_PLAN_MS_MAX: integer(1, 60_000, 5_000),
  REQUEST_BYTES_MAX: integer(10_240, 100 * 1024 * 1024, 900_000),
  TRANSACTION_TIMEOUT_MS: integer(1_000, 900_000, 10_000),
  SESSION_TIMEOUT_MS: integer(6_000, 1_800_000, 10_000),
  RETRY_COUNT_MAX: integer(0, 100, 3),
  RETRY_BACKOFF_MS: integer(1, 60_000, 500),
  DEPENDENCY_BACKOFF_MS_MAX: integer(10, 300_000, 5_000),
  SHUTDOWN_MS_MAX: integer(100, 60_000, 4_500),
  STACK_DIR: text.default(".onceflow"),
  STACK_KAFKA_PORT: integer(1, 65535, 19092),
  STACK_POSTGRES_PORT: integer(1, 65535, 15432),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warning", "error"]).optional(),
  LOG_FORMAT: z.enum(["text", "json"]).optional(),
}).superRefine((value, context) => {
  if (value.KAFKA_SASL_MECHANISM && !(value.KAFKA_SASL_USERNAME && value.KAFKA_SASL_PASSWORD)) {
    context.addIssue({
      code: "custom",
      path: ["KAFKA_SASL_MECHANISM"],
      message: "needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD beside it",
    });
  }
  if (!value.KAFKA_SASL_MECHANISM && (value.KAFKA_SASL_USERNAME || value.KAFKA_SASL_PASSWORD)) {
    context.addIssue({
      code: "custom",
      path: ["KAFKA_SASL_MECHANISM"],
      message: "is missing beside KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD: nobody would log in",
    });
  }
  if (value.KAFKA_SSL_CA && !value.KAFKA_SSL) {
    context.addIssue({
      code: "custom",
      path: ["KAFKA_SSL_CA"],
      message: "needs KAFKA_SSL=true beside it",
    });
  }
  if (value.STACK_KAFKA_PORT === value.STACK_POSTGRES_PORT) {
    context.addIssue({
      code: "custom",
      path: ["STACK_KAFKA_PORT"],
      message: "must be another port than STACK_POSTGRES_PORT",
    });
  }
  if ((value.KAFKA_BROKERS === undefined) !== (value.DATABASE_URL === undefined)) {
    context.addIssue({
      code: "custom",
      path: [value.KAFKA_BROKERS === undefined ? "KAFKA_BROKERS" : "DATABASE_URL"],
      message:
        "set both KAFKA_BROKERS and DATABASE_URL for your own services, or neither for the embedded stack",
    });
  }
});

const settings = environment.transform(withTopics);

/** Two environments that differ in `NAMESPACE` share no topic either, unless they name it. */
function withTopics(value: z.output<typeof environment>) {
  const names = namesIn(value.NAMESPACE);
  return {
    ...value,
    ORDERS_TOPIC: value.ORDERS_TOPIC ?? names.topic("orders"),
    INVOICES_TOPIC: value.INVOICES_TOPIC ?? names.topic("invoices"),
    DEAD_LETTERS_TOPIC: value.DEAD_LETTERS_TOPIC ?? names.deadLetters("orders"),
    OUTBOX_CURSOR_TOPIC: value.OUTBOX_CURSOR_TOPIC ?? `${value.NAMESPACE}.outbox-cursor`,
  };
}

/** The settings, parsed. */
export type Config = Readonly<z.output<typeof settings>>;

/** The names of all settings. */
export const settingNames: readonly string[] = Object.keys(environment.shape);

/** Wrong settings: one line for each, naming the variable. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Reads the settings from the environment (or from what is given instead). An empty variable counts as not set.
 *
 * @throws {ConfigError} naming each wrong variable and what it should be
 */
export function readConfig(
  variables: Record<string, string | undefined> = variablesOfProcess(),
): Config {
  const present = Object.fromEntries(
    settingNames.map((name) => [name, variables[name]] as const).filter(([, value]) => value),
  );
  const parsed = settings.safeParse(present);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new ConfigError(`Wrong settings in the environment:\n  ${lines.join("\n  ")}`);
}

function variablesOfProcess(): Record<string, string | undefined> {
  return Object.fromEntries(settingNames.map((name) => [name, Deno.env.get(name)]));
}
