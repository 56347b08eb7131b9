/** Looks at the services of a configuration and says what is right and what is not. Changes nothing, and ends in time. */
import type { Services } from "../../app/compose/services.ts";
import { databasePlace, unreached } from "../../app/compose/unreached.ts";
import type { Config } from "../../config.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { doneWithin } from "../../engine/core/delay.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import { missingPermission } from "../../engine/kafka/missing_permission.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { isRefused, translatingErrors } from "../../engine/postgres/translate_error.ts";
import { type Finding, not, splitRemedy } from "./finding.ts";
import { judgeSettings } from "./judge_settings.ts";
import { kafkaChecks, type KafkaPlace } from "./kafka_checks.ts";
import { postgresChecks } from "./postgres_checks.ts";
import { type Check, runChecks, skipped } from "./run_checks.ts";

/** What was found at one place. */
export interface Section {
  readonly about: "settings" | "kafka" | "postgres";
  /** Where it was looked for, such as `host:port`; empty for the settings. */
  readonly place: string;
  readonly findings: readonly Finding[];
}

/** How to look. */
export interface ExamineOptions {
  /** For reaching a service, and then for each question, milliseconds. */
  readonly timeoutMs: number;
}

/** All sections, in the order in which they are shown. */
export async function examine(
  config: Config,
  services: Services,
  options: ExamineOptions,
): Promise<readonly Section[]> {
  const [kafka, postgres] = await Promise.all([
    examineKafka(config, services, options),
    examinePostgres(config, services, options),
  ]);
  const place = services.embedded ? "the embedded stack, for trying out" : "";
  return [
    { about: "settings", place, findings: judgeSettings(config) },
    { about: "kafka", place: services.kafka.brokers.join(", "), findings: kafka },
    { about: "postgres", place: databasePlace(services.databaseUrl), findings: postgres },
  ];
}

async function examineKafka(
  config: Config,
  services: Services,
  { timeoutMs }: ExamineOptions,
): Promise<readonly Finding[]> {
  const client = createKafkaClient(services.kafka);
  const cluster = client.cluster({ retries: 1, requestTimeoutMs: timeoutMs });
  const place: KafkaPlace = { client, cluster, config };
  const explain = (subject: string, error: unknown) =>
    explainKafka(subject, error, services, client.user);
  try {
    return await afterReaching(
      { subject: "connection", look: async () => (await cluster.connect(), []) },
      kafkaChecks(place),
      { timeoutMs, explain, name: "Kafka" },
    );
  } finally {
    client.end();
    await cluster.disconnect().catch(() => {});
  }
}

async function examinePostgres(
  config: Config,
  services: Services,
  { timeoutMs }: ExamineOptions,
): Promise<readonly Finding[]> {
  const database = openDatabase(services.databaseUrl, {
    ...{ connectionsMax: 3, applicationName: "onceflow doctor" },
    ...{ statementTimeoutMs: timeoutMs, lockTimeoutMs: timeoutMs },
  });
  const { sql } = database;
  const explain = (subject: string, error: unknown) => explainPostgres(subject, error, services);
  try {
    return await afterReaching(
      {
        subject: "connection",
        look: async () => (await translatingErrors(() => sql.unsafe("select 1")), []),
      },
      postgresChecks({ sql, databaseUrl: services.databaseUrl, config }),
      { timeoutMs, explain, name: "Postgres" },
    );
  } finally {
    // A server that is frozen must not keep the program.
    await doneWithin(database.close(0).catch(() => {}), closeMsMax);
  }
}

const closeMsMax = 1_000;

interface Reaching {
  readonly timeoutMs: number;
  readonly explain: (subject: string, error: unknown) => Finding;
  readonly name: string;
}

/** Nothing else is asked of a service that was not reached: each question would only wait again. */
async function afterReaching(
  reach: Check,
  checks: readonly Check[],
  { name, ...limits }: Reaching,
): Promise<readonly Finding[]> {
  const found = await runChecks([reach], limits);
  if (found.length === 0) return await runChecks(checks, limits);
  return [...found, ...skipped(checks, `${name} was not reached`)];
}

function explainKafka(
  subject: string,
  error: unknown,
  services: Services,
  user: string | undefined,
): Finding {
  const refused = missingPermission(error, { user });
  if (refused !== undefined) {
    const { text, remedy } = splitRemedy(refused, "; grant it: ");
    return not("not_told", subject, text, remedy);
  }
  const away = unreached("kafka", services, error);
  return not("not_checked", subject, (away ?? asError(error)).message);
}

function explainPostgres(subject: string, error: unknown, services: Services): Finding {
  if (error instanceof HaltError) return not("wrong", subject, error.message);
  if (isRefused(error)) {
    return not(
      "wrong",
      subject,
      `this user may not look: ${rootOf(error).message}`,
      'grant what src/rights.md lists under "Rights in Postgres"',
    );
  }
  const away = unreached("postgres", services, error);
  return not("not_checked", subject, (away ?? asError(error)).message);
}

function rootOf(error: unknown): Error {
  const first = asError(error);
  return first.cause instanceof Error ? rootOf(first.cause) : first;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
