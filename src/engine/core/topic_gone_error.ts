/** The halt of whoever reads a topic that is not there any more: what keeps its place elsewhere may wait for it instead. */
import { HaltError } from "./errors.ts";

/** The topic was deleted, and what was not read of it is gone. */
export class TopicGoneError extends HaltError {
  override name = "TopicGoneError";

  /** `message` is for whoever halts. */
  constructor(readonly topic: string, message: string) {
    super(message);
  }
}
