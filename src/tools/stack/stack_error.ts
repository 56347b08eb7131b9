/** The one error of the embedded stack: it names the action, the state and what to do. Never carries a secret. */

/** The stack cannot be started, found or stopped; the message says what to do about it. */
export class StackError extends Error {
  override name = "StackError";
}
