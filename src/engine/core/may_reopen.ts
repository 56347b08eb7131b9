/** Decides, after a session of a lane has failed, whether another one may start. */
import { getLogger } from "../packages/logtape.ts";
import { type Clock, systemClock } from "./clock.ts";
import { HaltError } from "./errors.ts";
import { type Health, laneCheck } from "./health.ts";
import { outageIn } from "./outage.ts";
import { type Assignment, TransactionError } from "./ports.ts";
import { formatPartition } from "./record.ts";
import { backoffMs } from "./retry_policy.ts";

const log = getLogger(["onceflow", "core", "lane"]);
const reopenBackoffMs = 20;
const reopenBackoffMsMax = 2_000;
/** Some doubts in a row are usual where leaders move; so many mean that something stands in the way. */
export const doubtsMax = 3;

/** Where a session failed: it tells what has to work before all is well again. */
export type SessionStage = "opening" | "working";

/**
 * True when another session may start, after a pause; false when the partition has another owner.
 *
 * @throws {HaltError} when no session can help
 */
export async function mayReopen(
  error: unknown,
  assignment: Assignment,
  failures: number,
  { health, stage = "working", clock = systemClock }: {
    readonly health?: Health;
    readonly stage?: SessionStage;
    readonly clock?: Clock;
  } = {},
): Promise<boolean> {
  const { reader, signal } = assignment;
  if (error instanceof HaltError) throw error;
  const partition = formatPartition(reader);
  const verdict = error instanceof TransactionError ? error.verdict : "unknown";
  switch (verdict) {
    case "fatal":
    case "rejected":
      throw new HaltError(`Cannot go on with ${partition}: ${messageOf(error)}`, { cause: error });
    case "migrated":
    case "left-behind":
      log.info("{partition}: {reason}; asking the group who owns it", {
        partition,
        reason: messageOf(error),
      });
      // Only the member that the group still calls the owner may fence again, or two would fence each other for ever.
      if (!await assignment.stillOwned()) return false;
      break;
    case "blocked":
      health?.down(laneCheck(reader), messageOf(error), { cause: stage });
      break;
    case "unknown":
      if (health && failures >= doubtsMax) {
        health.down(laneCheck(reader), messageOf(error), { cause: stage });
        break;
      }
      if (failures > 1 || outageIn(error)) {
        // Logged already, or reported as an outage of what it waits for: this would be a line for each try.
        log.debug("{partition}: {reason}", { partition, reason: messageOf(error) });
        break;
      }
      log.warn("{partition}: {reason}; opening a new session", {
        partition,
        reason: messageOf(error),
      });
      break;
    default:
      verdict satisfies never;
  }
  const pauseMs = backoffMs(failures, reopenBackoffMs, reopenBackoffMsMax, clock.random);
  await clock.delay(pauseMs, signal).catch(() => {});
  return true;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
