/** Waits for a service that is away at the start, and says so: one line when it is missed, one when it is there. */
import { getLogger } from "@logtape/logtape";
import { delay, unlessAborted } from "../core/delay.ts";
import type { Health } from "../core/health.ts";
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
}

const retryMs = 1_000;
const log = getLogger(["onceflow", "compose"]);
const causeOfStart = "start";

/**
 * What `work` gives, once the service is there. It waits without a limit: a process that gives up is started again by its
 * supervisor, and knows no more then.
 *
 * @throws what is no matter of waiting (a refused password, a halt), and the signal's reason
 */
export async function untilReached<T>(
  work: () => Promise<T>,
  { name, health, signal, unreached }: ReachOptions,
): Promise<T> {
  let said = false;
  while (true) {
    try {
      const result = await unlessAborted(work(), signal);
      if (said) health.up(name, causeOfStart);
      return result;
    } catch (error) {
      signal.throwIfAborted();
      const missed = unreached(error);
      if (!missed || !mayComeBack(missed)) throw missed ?? error;
      // The log names the place; readiness is shown to whoever asks.
      if (!said) log.warn("{reason}; waiting until it is there", { reason: missed.message });
      said = true;
      health.down(name, "it was not reached since the start", { cause: causeOfStart });
    }
    await delay(retryMs, signal);
  }
}
