/** The halt that a rebuild ends: a projector may wait for that instead of ending its process. */
import { HaltError } from "../core/errors.ts";

/** The tables, or their positions, are not what this program can fold into; `projection rebuild` makes them so. */
export class RebuildNeededError extends HaltError {
  override name = "RebuildNeededError";
  /** The same for all partitions that stand still for the same reason. */
  readonly reason: string;

  constructor(message: string, reason: string) {
    super(message);
    this.reason = reason;
  }
}
