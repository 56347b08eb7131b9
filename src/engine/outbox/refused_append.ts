/** What the database says when it refuses an event at append, in the engine's words. Never decides what to do about it. */
import { DependencyDownError, PoisonError } from "../core/errors.ts";

/** The event is larger than what the outbox takes: it can never be announced as it is. */
export class EventTooLargeError extends PoisonError {
  override name = "EventTooLargeError";
}

/** SQLSTATEs of `outbox_append`, see `append_migrations.ts`. */
const codes = { tooLarge: "OX001", shard: "OX002", headers: "OX003", setBack: "OX004" } as const;

/** The error in these words when `outbox_append` has refused the event; otherwise the error itself. */
export function refusedAppend(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const hint = "hint" in error && error.hint ? `. ${error.hint}` : "";
  const message = `${error.message}${hint}`;
  switch (error.code) {
    case codes.tooLarge:
      return new EventTooLargeError(message, { cause: error });
    case codes.shard:
    case codes.headers:
      return new PoisonError(message, { cause: error });
    case codes.setBack:
      return new DependencyDownError("postgres", message, { cause: error });
    default:
      return isTaken(error) ? taken(error) : error;
  }
}

/** The sequence gave a position that another event has, which is not known to be announced yet. */
function isTaken(error: Error & { readonly code?: unknown }): boolean {
  return error.code === "23505" && "constraint_name" in error &&
    error.constraint_name === "outbox_pkey";
}

function taken(error: Error): DependencyDownError {
  return new DependencyDownError(
    "postgres",
    `The sequence outbox_position gave a position that is taken: it was set back. ${setForward}`,
    { cause: error },
  );
}

/** The statement that mends a sequence that was set back. */
export const setForward =
  "Run: select setval('outbox_position', greatest((select last_value from outbox_position), " +
  "(select max(position) from outbox), (select max(position) from outbox_relayed)))";
