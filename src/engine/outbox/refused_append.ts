/** What the database says when it refuses an event at append, in the engine's words. Never decides what to do about it. */
import { DependencyDownError, PoisonError } from "../core/errors.ts";

/** The event can never be published as it is: its headers are no pairs of texts, its shard is not the key's, or it has no key. */
export class EventRefusedError extends PoisonError {
  /** Its name: `EventRefusedError`. */
  override name = "EventRefusedError";
}

/** The event is larger than what the outbox takes: it can never be published as it is. */
export class EventTooLargeError extends EventRefusedError {
  /** Its name: `EventTooLargeError`. */
  override name = "EventTooLargeError";
}

/** An event of that id is in the outbox: it was published before, or will be. */
export class DuplicateEventError extends EventRefusedError {
  /** Its name: `DuplicateEventError`. */
  override name = "DuplicateEventError";
}

/** The outbox's sequence was set back: no event is taken until it is mended, by the statement that the message names. */
export class SequenceSetBackError extends DependencyDownError {
  /** Its name: `SequenceSetBackError`. */
  override name = "SequenceSetBackError";
}

/** There is no outbox where the event was to go, or it is of an older version. */
export class OutboxMissingError extends DependencyDownError {
  /** Its name: `OutboxMissingError`. */
  override name = "OutboxMissingError";
}

/** SQLSTATEs of `outbox_append`, see `append_migrations.ts`; and Postgres's own. */
const codes = {
  ...{ tooLarge: "OX001", shard: "OX002", headers: "OX003", setBack: "OX004", keyless: "OX005" },
  ...{ taken: "23505", unfit: "23514", notThere: ["42883", "42P01", "3F000"] },
} as const;

/**
 * The error in these words when `outbox_append` has refused the event; otherwise the error itself. For whoever calls that
 * function within a statement or function of his own: `append` throws these already.
 */
export function refusedAppend(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const hint = "hint" in error && error.hint ? `. ${error.hint}` : "";
  const message = `${error.message}${hint}`;
  const options = { cause: error };
  switch (error.code) {
    case codes.tooLarge:
      return new EventTooLargeError(message, options);
    case codes.shard:
    case codes.headers:
    case codes.keyless:
      return new EventRefusedError(message, options);
    case codes.setBack:
      return new SequenceSetBackError("postgres", message, options);
    case codes.taken:
      return taken(error);
    case codes.unfit:
      return isOf(error, "outbox_row_can_be_announced")
        ? new EventRefusedError("The event has no topic, or no type: both are needed", options)
        : error;
    default:
      return error;
  }
}

/** The same, where the statement is the append alone: what is not there then is the outbox. */
export function failedAppend(error: unknown): unknown {
  const { code } = error as { readonly code?: unknown };
  if (!codes.notThere.some((one) => one === code)) return refusedAppend(error);
  return new OutboxMissingError(
    "postgres",
    `There is no outbox there, or an older one (${
      error instanceof Error ? error.message : error
    }): make it by migrateOutbox, or by the SQL of outboxMigrationsSql`,
    { cause: error },
  );
}

/** The sequence gave a position that another event has, which is not known to be published yet; or the id is there. */
function taken(error: Error): unknown {
  if (isOf(error, "outbox_event_id_key")) {
    const detail = "detail" in error && error.detail ? ` (${error.detail})` : "";
    return new DuplicateEventError(`There is an event of that id in the outbox${detail}`, {
      cause: error,
    });
  }
  if (!isOf(error, "outbox_pkey")) return error;
  return new SequenceSetBackError(
    "postgres",
    `The sequence outbox_position gave a position that is taken: it was set back. ${setForward}`,
    { cause: error },
  );
}

function isOf(error: Error, constraint: string): boolean {
  return "constraint_name" in error && error.constraint_name === constraint;
}

/** The statement that mends a sequence that was set back. */
export const setForward =
  "Run: select setval('outbox_position', greatest((select last_value from outbox_position), " +
  "(select max(position) from outbox), (select max(position) from outbox_relayed)))";
