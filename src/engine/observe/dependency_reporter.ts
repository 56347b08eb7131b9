/** Notes that a role waits for something, or no longer does. */
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";

/** Longer than the longest pause between two tries of a role that waits (DEPENDENCY_BACKOFF_MS_MAX is 5 s by default). */
const reportMsMax = 30_000;

/** A callback `(dependency, up)`: sets `<role>/<dependency>` in health, and the gauge. */
export function dependencyReporter(
  metrics: Metrics,
  health: Health,
  role: string,
): (dependency: string, up: boolean) => void {
  return (dependency, up) => {
    metrics.dependencyUp.set({ role, dependency }, up ? 1 : 0);
    const name = `${role}/${dependency}`;
    if (up) health.up(name);
    else {
      health.down(name, `${role} waits for ${dependency}`, { forMsMax: reportMsMax });
    }
  };
}
