/** Repeats a step until Postgres lets it through. It never repeats what can only fail again. */
import { delay } from "../core/delay.ts";
import { DependencyDownError, TransientError } from "../core/errors.ts";
import { translateError } from "../postgres/translate_error.ts";

/** Waiting between attempts: doubles from the first to the longest. */
export interface Backoff {
  readonly firstMs: number;
  readonly waitMsMax: number;
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
  let down = false;
  while (true) {
    try {
      const result = await step();
      if (down) onDependency?.("up");
      return result;
    } catch (error) {
      const translated = translateError(error);
      if (translated instanceof DependencyDownError) {
        down = true;
        onDependency?.("down", translated);
      } else if (!(translated instanceof TransientError)) {
        throw error;
      }
    }
    await delay(waitMs, signal);
    waitMs = Math.min(waitMs * 2, backoff.waitMsMax);
  }
}

/** Data that the tables refuse (SQLSTATE classes 22 and 23), or too large (54): the same step fails again. */
export function isRefusedData(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return typeof error.code === "string" && /^(22|23|54)[0-9A-Z]{3}$/.test(error.code);
}
