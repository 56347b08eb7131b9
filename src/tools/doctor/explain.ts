/** Words an error that a check ended with: what could not be told, and why. Pure. */
import type { Services } from "../../app/compose/services.ts";
import { unreached } from "../../app/compose/unreached.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { missingPermission } from "../../engine/kafka/missing_permission.ts";
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
  if (error instanceof HaltError) return not("wrong", subject, error.message);
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
  return not("not_checked", subject, (away ?? asError(error)).message);
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
