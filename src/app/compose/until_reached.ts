/** Waits for a service that is away at the start, or lets us do too little, and says so when that changes. */
import { getLogger } from "@logtape/logtape";
import { delay, unlessAborted } from "../../engine/core/delay.ts";
import type { Health } from "../../engine/core/health.ts";
import { MissingPermissionError } from "../../engine/kafka/missing_permission.ts";
import { mayComeBack, type UnreachedError } from "./unreached.ts";

/** How to wait. */
export interface ReachOptions {
  /** `kafka` or `postgres`. */
  readonly name: string;
  /** Told that it is waited for. */
  readonly health: Health;
  readonly signal: AbortSignal;
  /** The error as one of a service that was not reached; undefined for what waiting cannot mend. */
  readonly unreached: (error: unknown) => UnreachedError | undefined;
  /** What to say where it does not even refuse. */
  readonly unanswered: (afterMs: number) => string;
  /** How long it may be silent before that is said, milliseconds. */
  readonly silentMsMax?: number;
  /** The pause before it is asked again, milliseconds. */
  readonly retryMs?: number;
}

const retryMsDefault = 1_000;
/** The driver's own time limits, with their retries, add up to a minute. */
const silentMsMaxDefault = 8_000;
const log = getLogger(["onceflow", "compose"]);
const causeOfStart = "start";
const causeOfPermission = "permission";

/**
 * What `work` gives, once the service is there. It waits without a limit: a process that gives up is started again by its
 * supervisor, and knows no more then.
 *
 * @throws what is no matter of waiting (a refused password, a halt), and the signal's reason
 */
export async function untilReached<T>(
  work: () => Promise<T>,
  { name, health, signal, unreached, unanswered, ...times }: ReachOptions,
): Promise<T> {
  const { silentMsMax = silentMsMaxDefault, retryMs = retryMsDefault } = times;
  let said = false;
  let missing = false;
  const say = (reason: string, shown = "it was not reached") => {
    // The log names the place; readiness is shown to whoever asks.
    if (!said) log.warn("{reason}; waiting until it is there", { reason });
    said = true;
    health.down(name, `since the start: ${shown}`, { cause: causeOfStart });
  };
  while (true) {
    const silence = setTimeout(() => say(unanswered(silentMsMax)), silentMsMax);
    try {
      const result = await unlessAborted(work(), signal);
      if (said) health.up(name, causeOfStart);
      if (missing) health.up(name, causeOfPermission);
      return result;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MissingPermissionError) {
        // It says all of it, and is logged when it changes.
        health.down(name, error.message, { cause: causeOfPermission });
        missing = true;
        await delay(retryMs, signal);
        continue;
      }
      const missed = unreached(error);
      if (!missed || !mayComeBack(missed)) throw missed ?? error;
      say(missed.message, missed.shown);
    } finally {
      clearTimeout(silence);
    }
    await delay(retryMs, signal);
  }
}
