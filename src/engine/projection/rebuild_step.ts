/** Runs the steps of a rebuild through outages. It tells a place that was taken away from a service that is away. */
import type { Sql } from "../postgres/sql.ts";
import { translateError } from "../postgres/translate_error.ts";
import type { ProjectionEvent } from "./define_projection.ts";
import { isThere, replacedError, type Staging } from "./staging.ts";
import { type Backoff, type OnDependency, waitForPostgres } from "./wait_for_postgres.ts";

/** What a step needs. */
export interface StepDeps {
  readonly sql: Sql;
  readonly backoff: Backoff;
  readonly onDependency?: OnDependency;
}

/**
 * Runs a step that may be run again until it succeeds: while Postgres or Kafka is away it waits, for as long as that takes.
 *
 * @throws {RebuildReplacedError} when another rebuild has dropped the place that this one works in
 */
export async function rebuildStep<T>(
  { sql, backoff, onDependency }: StepDeps,
  signal: AbortSignal,
  work: () => Promise<T>,
  staging?: Staging<ProjectionEvent>,
): Promise<T> {
  const attempt = async () => {
    try {
      return await work();
    } catch (error) {
      throw await explained(sql, error, staging);
    }
  };
  return await waitForPostgres(attempt, backoff, signal, onDependency);
}

/** No such table, column, function or schema, or no right: waiting brings none of them. */
const notAwaited = new Set(["42P01", "42703", "42883", "3F000", "42501"]);

/** The error as it is to be taken: a place that is gone is no outage. */
export async function explained(
  sql: Sql,
  error: unknown,
  staging: Staging<ProjectionEvent> | undefined,
): Promise<unknown> {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string" || !notAwaited.has(code)) return error;
  try {
    if (staging && !await isThere(sql, staging)) {
      return replacedError(staging.target.projection.name);
    }
  } catch (lost) {
    return lost;
  }
  const translated = translateError(error);
  // Without its code, so that it is not taken for an outage.
  return translated === error || !(translated instanceof Error)
    ? error
    : new Error(translated.message, { cause: error });
}
