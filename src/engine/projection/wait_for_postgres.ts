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
  let conflicts = 0;
  using waiting = new Waiting();
  while (true) {
    try {
      const result = await step();
      if (waiting.isOver()) onDependency?.("up");
      return result;
    } catch (error) {
      const translated = translateError(error);
      if (translated instanceof DependencyDownError) {
        waiting.for(translated);
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

/** How many steps of this process wait for a dependency, by its name: the first says so, and the last that it is over. */
const waiters = new Map<string, number>();

/** What one step waits for. Disposing gives the waiting up. */
class Waiting implements Disposable {
  #dependency: string | undefined;

  for({ dependency, message }: DependencyDownError): void {
    if (this.#dependency === dependency) return;
    this[Symbol.dispose]();
    this.#dependency = dependency;
    const others = waiters.get(dependency) ?? 0;
    waiters.set(dependency, others + 1);
    if (others === 0) log.warn("Waiting: {reason}", { reason: message });
  }

  /** Whether there was anything to wait for. */
  isOver(): boolean {
    const dependency = this.#dependency;
    if (dependency === undefined) return false;
    if (this.#leave() === 0) {
      log.info("{dependency} is back; going on", { dependency: nameOf(dependency) });
    }
    return true;
  }

  [Symbol.dispose](): void {
    this.#leave();
  }

  /** How many others still wait. */
  #leave(): number {
    const dependency = this.#dependency;
    if (dependency === undefined) return 0;
    this.#dependency = undefined;
    const others = (waiters.get(dependency) ?? 1) - 1;
    if (others === 0) waiters.delete(dependency);
    else waiters.set(dependency, others);
    return others;
  }
}

function nameOf(dependency: string): string {
  return dependency.slice(0, 1).toUpperCase() + dependency.slice(1);
}
