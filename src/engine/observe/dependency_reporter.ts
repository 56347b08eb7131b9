/** Notes that a role waits for something, or no longer does. */
import type { Health } from "../core/health.ts";
import type { Metrics } from "./metrics.ts";

/** Longer than the longest pause between two tries of a role that waits (DEPENDENCY_BACKOFF_MS_MAX is 5 s by default). */
const reportMsMax = 30_000;

/**
 * A callback `(dependency, up)`: sets `<role>/<dependency>` in health. The gauge says at each scrape what stands there: whoever
 * waited can lose its partition, and nobody is left then to say that the dependency is back.
 */
export function dependencyReporter(
  metrics: Metrics,
  health: Health,
  role: string,
): (dependency: string, up: boolean) => void {
  const seen = new Map<string, string>();
  metrics.onScrape(() => {
    const standing = new Map(health.ready().checks.map(({ name, ok }) => [name, ok]));
    for (const [dependency, name] of seen) {
      // A role at rest does not ask, and one whose question hangs does not say: the process asks Kafka and Postgres itself.
      const isDown = standing.get(name) === false || standing.get(dependency) === false;
      metrics.dependencyUp.set({ role, dependency }, isDown ? 0 : 1);
    }
    return Promise.resolve();
  });
  return (dependency, up) => {
    const name = `${role}/${dependency}`;
    seen.set(dependency, name);
    if (up) health.up(name);
    else {
      health.down(name, `${role} waits for ${dependency}`, { forMsMax: reportMsMax });
    }
  };
}
