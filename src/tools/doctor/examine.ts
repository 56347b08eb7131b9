/** Looks at the services of a configuration and says what is right and what is not. Changes nothing, and ends in time. */
import type { Services } from "../../app/compose/services.ts";
import { databasePlace } from "../../app/compose/unreached.ts";
import type { Config } from "../../config.ts";
import { doneWithin } from "../../engine/core/delay.ts";
import { createKafkaClient } from "../../engine/kafka/kafka_client.ts";
import { openDatabase } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import { explainError } from "./explain.ts";
import { addressed, type Finding } from "./finding.ts";
import { judgeSettings } from "./judge_settings.ts";
import { kafkaChecks } from "./kafka_checks.ts";
import { pipelineChecks, type PipelinePlace } from "./pipeline_checks.ts";
import { postgresChecks } from "./postgres_checks.ts";
import type { DoctorRole } from "./role_rights.ts";
import { type Check, type CheckLimits, runChecks, skipped } from "./run_checks.ts";

/** What was found at one place. */
export interface Section {
  readonly about: "settings" | "kafka" | "postgres" | "pipeline";
  /** Where it was looked for, such as `host:port`; empty where that is not one place. */
  readonly place: string;
  readonly findings: readonly Finding[];
}

/** How to look. */
export interface ExamineOptions {
  /** For reaching a service, and then for each question, milliseconds. */
  readonly timeoutMs: number;
  /** Whose rights are looked at, where it is known which roles this user runs. */
  readonly roles?: readonly DoctorRole[];
}

/** All sections, in the order in which they are shown. */
export async function examine(
  config: Config,
  services: Services,
  { timeoutMs, roles }: ExamineOptions,
): Promise<readonly Section[]> {
  const client = createKafkaClient(services.kafka);
  const cluster = client.cluster({ retries: 1, requestTimeoutMs: timeoutMs });
  const { databaseUrl } = services;
  const database = openDatabase(databaseUrl, {
    ...{ connectionsMax: 3, applicationName: "onceflow doctor" },
    ...{ statementTimeoutMs: timeoutMs, lockTimeoutMs: timeoutMs },
  });
  const explain = (subject: string, error: unknown) =>
    explainError(subject, error, services, client.user);
  try {
    const found = await lookAround(
      { client, cluster, sql: database.sql, databaseUrl, config, roles },
      { timeoutMs, explain },
    );
    const place = services.embedded ? "the embedded stack, for trying out" : "";
    const { brokers } = services.kafka;
    const told = (findings: readonly Finding[]) => findings.map((one) => addressed(one, brokers));
    return [
      { about: "settings", place, findings: judgeSettings(config) },
      { about: "kafka", place: brokers.join(", "), findings: told(found.kafka) },
      { about: "postgres", place: databasePlace(databaseUrl), findings: found.postgres },
      { about: "pipeline", place: "", findings: told(found.pipeline) },
    ];
  } finally {
    client.end();
    await cluster.disconnect().catch(() => {});
    // A server that is frozen must not keep the program.
    await doneWithin(database.close(0).catch(() => {}), closeMsMax);
  }
}

const closeMsMax = 1_000;

/** Nothing else is asked of a service that was not reached: each question would only wait again. */
async function lookAround(place: PipelinePlace, limits: CheckLimits) {
  const { cluster, sql } = place;
  const reach = (ask: () => Promise<unknown>): Check => ({
    subject: "connection",
    look: async () => (await ask(), []),
  });
  const [kafka, postgres] = await Promise.all([
    runChecks([reach(() => cluster.connect())], limits),
    runChecks([reach(() => translatingErrors(() => sql.unsafe("select 1")))], limits),
  ]);
  const away = {
    kafka: kafka.length > 0 ? "Kafka was not reached" : undefined,
    postgres: postgres.length > 0 ? "Postgres was not reached" : undefined,
  };
  const unlessAway = async (checks: readonly Check[], why: string | undefined) =>
    why === undefined ? await runChecks(checks, limits) : skipped(checks, why);
  const [ofKafka, ofPostgres, ofPipeline] = await Promise.all([
    unlessAway(kafkaChecks(place), away.kafka),
    unlessAway(postgresChecks(place), away.postgres),
    Promise.all(
      pipelineChecks(place).map((check) => {
        const missing = check.needs.find((name) => away[name] !== undefined);
        return unlessAway([check], missing && away[missing]);
      }),
    ),
  ]);
  return {
    kafka: [...kafka, ...ofKafka],
    postgres: [...postgres, ...ofPostgres],
    pipeline: ofPipeline.flat(),
  };
}
