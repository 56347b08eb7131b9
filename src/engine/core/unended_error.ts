/** Why a transactional id may not be used now: its last transaction has not ended everywhere. Another id may be. */
import { HaltError } from "./errors.ts";
import { TransactionError } from "./ports.ts";

/** Nothing may be written under that id until a person has decided, or a partition has a leader again; the message says which. */
export class UnendedError extends HaltError {
  override name = "UnendedError";
}

/** What it means for a lane that needs the id: it waits, and nothing of its plan was sent. */
export function blockedBy(unended: UnendedError): TransactionError {
  return new TransactionError("blocked", unended.message, { cause: unended, begun: false });
}
