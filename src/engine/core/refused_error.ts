/** What an operator is told who asks for something that cannot be done as things stand. */

/**
 * It was refused before it was begun, or was given up and has left everything as it was: nothing waits for a decision, as it
 * does after a `HaltError`. The message says why, and what to do.
 */
export class RefusedError extends Error {
  /** Its name: `RefusedError`. */
  override name = "RefusedError";
}
