/** Repeats a step until Postgres (or Kafka, where the step asks it) lets it through. It never repeats what can only fail again. */
import { getLogger } from "../packages/logtape.ts";
import { delay } from "../core/delay.ts";
import { DependencyDownError, TransientError } from "../core/errors.ts";
import { translateError } from "../postgres/translate_error.ts";

const log = getLogger(["onceflow", "projection"]);

/** Waiting between attempts: doubles from the first to the longest. */
export interface Backoff {
  readonly firstMs: number;
  readonly waitMsMax: number;
  /** How many conflicts with other transactions in a row are waited out; any number where it is absent. */
  readonly conflictsMax?: number;
}

/** Told when Postgres stops answering and when it answers again, for readiness and metrics. */
export type OnDependency = (state: "down" | "up", error?: DependencyDownError) => void;

/**
 * Runs `step` until it succeeds, waiting while Postgres is down (for as long as that takes) and after a conflict
 * between transactions (a deadlock, a lock timeout). Any other error is thrown at once, and the signal's reason when
 * the signal fires during a wait.
 */
export async function waitForPostgres<T>(
  step: () => Promise<T>,
  backoff: Backoff,
  signal: AbortSignal,
  onDependency?: OnDependency,
): Promise<T> {
  let waitMs = backoff.firstMs;
  let down: string | undefined;
  let conflicts = 0;
  while (true) {
    try {
      const result = await step();
      if (down !== undefined) {
        log.info("{dependency} is back; going on", { dependency: nameOf(down) });
        onDependency?.("up");
      }
      return result;
    } catch (error) {
      const translated = translateError(error);
      if (translated instanceof DependencyDownError) {
        const { dependency } = translated;
        if (down !== dependency) log.warn("Waiting: {reason}", { reason: translated.message });
        down = dependency;
        onDependency?.("down", translated);
      } else if (!(translated instanceof TransientError)) {
        throw error;
      } else if (++conflicts > (backoff.conflictsMax ?? Infinity)) {
        throw translated;
      }
    }
    await delay(waitMs, signal);
    waitMs = Math.min(waitMs * 2, backoff.waitMsMax);
  }
}

function nameOf(dependency: string): string {
  return dependency.slice(0, 1).toUpperCase() + dependency.slice(1);
}
