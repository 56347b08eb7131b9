/** Repeats work at the cluster while it is out of reach, or may not be done. What else is refused is the caller's. */
import { getLogger } from "../packages/logtape.ts";
import { delay, unlessAborted } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
import { backoffMs } from "../core/retry_policy.ts";
import { HaltError } from "../core/errors.ts";
import { isOutage } from "./error_verdict.ts";
import { MissingPermissionError } from "./missing_permission.ts";
import { refusedLogin } from "./refused_login.ts";

const log = getLogger(["onceflow", "kafka"]);
const backoffFirstMs = 200;
const backoffMsMax = 5_000;

/** Who waits. */
export interface AnswerWaiter {
  /** Ends the waiting; the work itself goes on until it is done. */
  readonly signal: AbortSignal;
  /** Told as `kafka`, with what is waited for. */
  readonly health?: Health;
  /** Gives up after so many attempts. */
  readonly attemptsMax?: number;
}

/**
 * What the work gives, once the cluster lets it. Only for work that may be done twice.
 *
 * @throws the signal's reason when that fires, and any error that is neither an outage nor a permission that can be granted
 */
export async function untilAnswered<T>(
  what: string,
  work: () => Promise<T>,
  { signal, health, attemptsMax = Infinity }: AnswerWaiter,
): Promise<T> {
  const cause = what;
  try {
    for (let attempt = 1;; attempt++) {
      try {
        return await unlessAborted(work(), signal);
      } catch (error) {
        signal.throwIfAborted();
        const login = refusedLogin(error);
        if (login !== undefined) throw new HaltError(`Kafka ${login}`, { cause: error });
        const mayPass = isOutage(error) || error instanceof MissingPermissionError;
        if (attempt >= attemptsMax || !mayPass) throw error;
        const message = error instanceof Error ? error.message : String(error);
        const broker = brokerIn(error);
        const reason = broker === undefined ? message : `${message} (at ${broker})`;
        log.debug("Cannot {what}: {error}", { what, error });
        if (attempt === 1 || error instanceof MissingPermissionError) {
          health?.down("kafka", `cannot ${what} yet: ${reason}`, { cause });
        }
      }
      await delay(backoffMs(attempt, backoffFirstMs, backoffMsMax), signal);
    }
  } finally {
    health?.up("kafka", cause);
  }
}

/** The address that could not be reached, where an error of kafkajs or one of its causes names it. */
function brokerIn(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("broker" in at && typeof at.broker === "string" && !at.message.includes(at.broker)) {
      return at.broker;
    }
  }
}
