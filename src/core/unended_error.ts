/** Why a transactional id may not be used now: its last transaction has not ended everywhere. Another id may be. */
import { HaltError } from "./errors.ts";

/** Nothing may be written under that id until a person has decided, or a partition has a leader again; the message says which. */
export class UnendedError extends HaltError {
  override name = "UnendedError";
}
