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

/** The way on where the log is not what was folded: followed literally, the first command names the second. */
export const rebuildAdvice =
  "run `deno task projection rebuild` to fold what the log holds now (where the live tables hold more, it says so and asks for " +
  "--allow-missing-history)";
