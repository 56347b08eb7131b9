/** Words an error that a check ended with: what could not be told, and why. Pure. */
import type { Services } from "../../app/compose/services.ts";
import { mayComeBack, unreached, type UnreachedError } from "../../app/compose/unreached.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { missingPermission } from "../../engine/kafka/missing_permission.ts";
import { refusalOfPooler } from "../../engine/postgres/refuse_pooler.ts";
import { isRefused } from "../../engine/postgres/translate_error.ts";
import { type Finding, not, splitRemedy } from "./finding.ts";

/** `user` is whom Kafka knows this client by. */
export function explainError(
  subject: string,
  error: unknown,
  services: Services,
  user?: string,
): Finding {
  const refused = missingPermission(error, { user });
  if (refused !== undefined) {
    const { text, remedy } = splitRemedy(refused, "; grant it: ");
    return not("not_told", subject, text, remedy);
  }
  const halt = refusalOfPooler(error) ?? error;
  if (halt instanceof HaltError) return fromHalt(subject, halt);
  if (isRefused(error)) {
    return not(
      "wrong",
      subject,
      `this user may not look: ${rootOf(error).message}`,
      'grant what src/rights.md lists under "Rights in Postgres"',
    );
  }
  if (codesOf(error).includes("53300")) {
    return not(
      "wrong",
      subject,
      `Postgres has no connection left for this user: ${rootOf(error).message}`,
      "end sessions that nobody needs (pg_stat_activity names them), lower DATABASE_CONNECTIONS_MAX, or raise the limit: " +
        "max_connections, or CONNECTION LIMIT of the user or the database",
    );
  }
  const away = unreached("kafka", services, error) ?? unreached("postgres", services, error);
  if (away !== undefined && !mayComeBack(away)) return refusal(subject, away, services);
  return not("not_checked", subject, (away ?? asError(error)).message);
}

/** A halt of the start, as a line: what ends its message is the remedy. */
export function fromHalt(subject: string, { message }: HaltError): Finding {
  const { text, remedy } = splitRemedy(message, ". ");
  return not("wrong", subject, text.replace("Cannot work with this Postgres: ", ""), remedy);
}

/** It was reached, and no waiting changes what it said: a setting is wrong. */
function refusal(subject: string, away: UnreachedError, { databaseUrl }: Services): Finding {
  const known = codesOf(away).map((code) => remedyFor(code, databaseUrl)).find((found) => found);
  if (known !== undefined) return not("wrong", subject, away.message, known);
  const { text, remedy } = splitRemedy(away.message, ": ");
  return not("wrong", subject, text, remedy);
}

/** By what Postgres refuses a connection with. */
function remedyFor(code: unknown, databaseUrl: string): string | undefined {
  const { username = "", pathname = "" } = URL.parse(databaseUrl) ?? {};
  switch (code) {
    case "28P01":
      return "correct user and password in DATABASE_URL, or give that user the password: " +
        `alter role ${identifier(username)} password '...'`;
    case "28000":
      return "correct the user in DATABASE_URL, or make what the server misses: the role, or a line of pg_hba.conf";
    case "3D000":
      return `correct the name in DATABASE_URL, or: create database ${
        identifier(pathname.slice(1))
      }`;
  }
  return undefined;
}

/** As SQL writes a name that stands in an address. */
function identifier(encoded: string): string {
  return `"${decodeURIComponent(encoded).replaceAll('"', '""')}"`;
}

/** Codes of Postgres, of the error and of what caused it. */
function codesOf(error: unknown): readonly unknown[] {
  if (!(error instanceof Error)) return [];
  return ["code" in error ? error.code : undefined, ...codesOf(error.cause)];
}

function rootOf(error: unknown): Error {
  const first = asError(error);
  return first.cause instanceof Error ? rootOf(first.cause) : first;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
