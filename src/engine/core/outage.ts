/** Finds, behind an error, the service that is merely away: nobody has to decide anything, and all goes on when it is back. Pure. */
import { DependencyDownError } from "./errors.ts";
import { TransactionError } from "./ports.ts";

/**
 * What it waits for; undefined where it is something else. A transaction whose outcome is not known is no outage, whatever made
 * it so: it is one only where nothing of it had begun.
 */
export function outageIn(error: unknown): DependencyDownError | undefined {
  if (error instanceof DependencyDownError) return error;
  if (!(error instanceof TransactionError) || error.begun) return undefined;
  return error.cause instanceof DependencyDownError ? error.cause : undefined;
}
