/** Settings: the only reader of the environment. Every limit carries its unit in its name; secrets never print. */
import { z } from "zod";
import { defaultToken, parseApiTokens, tokenProblem } from "./config/api_tokens.ts";
import { conflictsOf } from "./config/conflicts.ts";
import { readWhole } from "./config/read_number.ts";
import { Secret } from "./config/secret.ts";
import { readSecretFiles } from "./config/secret_files.ts";
import { defaultNamespace, namesIn, namespacePattern } from "./engine/core/names.ts";

export { Secret };

/** How strongly the worker guarantees its effects. */
export const guarantees = ["exactly-once", "at-least-once", "at-most-once"] as const;
/** One of {@linkcode guarantees}. */
export type Guarantee = (typeof guarantees)[number];

const text = z.string().trim().min(1);
const list = text.transform((value) =>
  value.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "")
);
/** A port of 0 is none. */
const brokers = list.refine(
  (entries) =>
    entries.every((entry) => {
      const [, port = ""] = /^(?:\[[^\]]+\]|[^\s:/]+):(\d{1,5})$/.exec(entry) ?? [];
      return readWhole(port, 1, 65_535) !== undefined;
    }),
  "must be host:port, with commas between several, such as 127.0.0.1:19092",
);
/** Not trimmed: white space may be part of it. */
const secret = z.string().min(1).transform((value) => new Secret(value));
const whole = (low: number, high: number) =>
  z.string().transform((given, context) => {
    const value = readWhole(given, low, high);
    if (value !== undefined) return value;
    const message = `must be a whole number from ${low} to ${high}, in decimal digits`;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
const integer = (low: number, high: number, fallback: number) => whole(low, high).default(fallback);
const flag = z.enum(["true", "false", "1", "0", "yes", "no"])
  .transform((word) => ["true", "1", "yes"].includes(word));
/** Its default begins with the namespace: see {@linkcode withDefaults}. */
const topicName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, "a Kafka topic name").optional();

/** Every setting with its default, by the name it has in the environment. */
const environment = z.object({
  KAFKA_BROKERS: brokers.optional(),
  KAFKA_SSL: flag.default(false),
  KAFKA_SSL_CA: text.optional(),
  KAFKA_SSL_CERT: text.optional(),
  KAFKA_SSL_KEY: text.optional(),
  KAFKA_SSL_KEY_PASSPHRASE: secret.optional(),
  KAFKA_SSL_SERVER_NAME: text.optional(),
  KAFKA_SASL_MECHANISM: z.enum(["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"])
    .optional(),
  KAFKA_SASL_USERNAME: text.optional(),
  KAFKA_SASL_PASSWORD: secret.optional(),
  KAFKA_OAUTH_TOKEN_ENDPOINT: z.url({
    protocol: /^(https?|file)$/,
    error: "an https:// or file:// address",
  })
    .optional(),
  KAFKA_OAUTH_CLIENT_ID: text.optional(),
  KAFKA_OAUTH_CLIENT_SECRET: secret.optional(),
  KAFKA_OAUTH_SCOPE: text.optional(),
  KAFKA_CLIENT_ID: text.default("onceflow"),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, "a postgres:// address")
    .transform((value) => new Secret(value)).optional(),
  DATABASE_CONNECTIONS_MAX: integer(1, 1000, 10),
  HTTP_HOST: text.default("127.0.0.1"),
  HTTP_PORT: integer(0, 65535, 8080),
  HTTP_DRAIN_MS: integer(0, 600_000, 1_000),
  WORKER_HTTP_PORT: integer(0, 65535, 0),
  OPERATE_HTTP_PORT: integer(0, 65535, 8081),
  OPERATE_URL: z.url({ protocol: /^https?$/, error: "an http:// or https:// address" }).optional(),
  HTTP_ALLOWED_HOSTS: list.optional(),
  HTTP_REQUESTS_PER_S_MAX: integer(0, 1_000_000, 0),
  ALLOW_ANONYMOUS: flag.default(false),
  API_TOKEN: z.string().superRefine((token, context) => {
    const message = tokenProblem(token);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  }).transform((value) => new Secret(value)).optional(),
  API_TOKENS: z.string().transform((value, context) => {
    const { tokens, problems } = parseApiTokens(value);
    for (const message of problems) context.addIssue({ code: "custom", message });
    return tokens;
  }).optional(),
  OPERATOR: text.max(200).optional(),
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
  DEAD_LETTERS_RETENTION_HOURS: whole(1, 24 * 3650).optional(),
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
  RETRY_BACKOFF_MS_MAX: integer(1, 3_600_000, 30_000),
  DEPENDENCY_BACKOFF_MS_MAX: integer(10, 300_000, 5_000),
  SHUTDOWN_MS_MAX: integer(100, 60_000, 4_500),
  STACK_DIR: text.default(".onceflow"),
  STACK_KAFKA_PORT: integer(1, 65535, 19092),
  STACK_POSTGRES_PORT: integer(1, 65535, 15432),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warning", "error"]).optional(),
  LOG_FORMAT: z.enum(["text", "json"]).optional(),
}).superRefine((value, context) => {
  for (const { setting, message } of conflictsOf(value)) {
    context.addIssue({ code: "custom", path: [setting], message });
  }
});

const settings = environment.transform(withDefaults);

/** What can also be read from a file: `NAME_FILE` in the place of `NAME`. */
const secretNames = [
  ...["KAFKA_SSL_KEY_PASSPHRASE", "KAFKA_SASL_PASSWORD", "KAFKA_OAUTH_CLIENT_SECRET"],
  ...["DATABASE_URL", "API_TOKEN", "API_TOKENS"],
];

/** Two environments that differ in `NAMESPACE` share no topic either, unless they name it. */
function withDefaults(value: z.output<typeof environment>) {
  const names = namesIn(value.NAMESPACE);
  return {
    ...value,
    /** Every token, that of `API_TOKEN` among them. */
    API_TOKENS: [
      ...(value.API_TOKEN ? [defaultToken(value.API_TOKEN)] : []),
      ...value.API_TOKENS ?? [],
    ],
    ORDERS_TOPIC: value.ORDERS_TOPIC ?? names.topic("orders"),
    INVOICES_TOPIC: value.INVOICES_TOPIC ?? names.topic("invoices"),
    DEAD_LETTERS_TOPIC: value.DEAD_LETTERS_TOPIC ?? names.topic("orders.DLQ"),
    OPERATE_URL: value.OPERATE_URL ?? `http://127.0.0.1:${value.OPERATE_HTTP_PORT}`,
    OUTBOX_CURSOR_TOPIC: value.OUTBOX_CURSOR_TOPIC ?? `${value.NAMESPACE}.outbox-cursor`,
  };
}

/** The settings, parsed. */
export type Config = Readonly<z.output<typeof settings>>;

/** The names of all settings. */
export const settingNames: readonly string[] = [
  ...Object.keys(environment.shape),
  ...secretNames.map((name) => `${name}_FILE`),
];

/** Wrong settings: one line for each, naming the variable. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/**
 * Reads the settings from the environment (or from what is given instead), and secrets from the files that it names. An
 * empty variable counts as not set.
 *
 * @throws {ConfigError} naming each wrong variable and what it should be
 */
export function readConfig(
  variables: Record<string, string | undefined> = variablesOfProcess(),
): Config {
  const files = readSecretFiles(secretNames, variables, Deno.readTextFileSync);
  const present = Object.fromEntries(
    Object.keys(environment.shape)
      .map((name) => [name, variables[name] || files.values[name]] as const)
      .filter(([, value]) => value),
  );
  const parsed = settings.safeParse(present);
  if (parsed.success && files.problems.length === 0) return parsed.data;
  const lines = [
    ...files.problems.map(({ name, message }) => `${name}: ${message}`),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`),
  ];
  throw new ConfigError(`Wrong settings in the environment:\n  ${lines.join("\n  ")}`);
}

function variablesOfProcess(): Record<string, string | undefined> {
  return Object.fromEntries(settingNames.map((name) => [name, Deno.env.get(name)]));
}
