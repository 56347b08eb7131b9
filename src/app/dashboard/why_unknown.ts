/** Words why a figure is not known, fit to be shown: neither hosts nor statements are in them. */
import { getLogger } from "@logtape/logtape";
import { DependencyDownError, HaltError } from "../../engine/core/errors.ts";
import type { Known } from "./dashboard_data.ts";

const log = getLogger(["onceflow", "dashboard"]);

/** A reason that is fit to be shown as it is. */
export class UnknownError extends Error {
  override name = "UnknownError";
}

/** @throws {UnknownError} with the reason where the value is not known */
export function valueOf<T>(known: Known<T>): T {
  if (known.known) return known.value;
  throw new UnknownError(known.reason);
}

/** The reason for people. Any other error's text goes to the log alone: it may name hosts or quote statements. */
export function describe(what: string): (error: unknown) => string {
  return (error) => {
    if (error instanceof UnknownError) return error.message;
    log.debug("{what}: {error}", { what, error });
    if (error instanceof DependencyDownError) {
      return `${what}: ${error.dependency} cannot be reached`;
    }
    // Written for people: a permission that is missing, for example.
    if (error instanceof HaltError) return `${what}: ${error.message}`;
    if (isTimeout(error)) {
      return `${what} within 5 s; "deno task verify" checks tables of any size`;
    }
    return what;
  };
}

/** SQLSTATE 57014: a statement ran into its time limit. */
function isTimeout(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && cause.code === "57014") return true;
  }
  return false;
}
