/** Holds what keeps this process from being ready, by name. It checks nothing itself: the roles report to it. */

/** One condition as it stands. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Why it is not ok; empty where it is. */
  readonly detail: string;
}

/** Ready when every condition is ok. */
export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly HealthCheck[];
}

/** The conditions of one process. */
export interface Health {
  up(name: string): void;
  /**
   * Not ready, for this reason. With `forMsMax` the report lapses unless it is repeated in time: a lane that waits for a
   * dependency can lose its partition, and then nobody is left to say that the dependency is back.
   */
  down(name: string, reason: string, options?: { readonly forMsMax?: number }): void;
  /** Forgets the condition: whoever reported it has ended. */
  remove(name: string): void;
  ready(): Readiness;
}

interface Condition {
  readonly detail: string;
  readonly ok: boolean;
  /** When a report that is not repeated lapses, milliseconds since the epoch. */
  readonly lapsesAt: number;
}

/** No condition at first: a process that nothing was said of is ready. */
export function createHealth(now: () => number = Date.now): Health {
  const conditions = new Map<string, Condition>();
  return {
    up: (name) => void conditions.set(name, { ok: true, detail: "", lapsesAt: Infinity }),
    down(name, reason, { forMsMax = Infinity } = {}) {
      conditions.set(name, { ok: false, detail: reason, lapsesAt: now() + forMsMax });
    },
    remove: (name) => void conditions.delete(name),
    ready() {
      const checks = [...conditions].map(([name, { ok, detail, lapsesAt }]): HealthCheck =>
        ok || lapsesAt <= now() ? { name, ok: true, detail: "" } : { name, ok, detail }
      );
      return { ready: checks.every(({ ok }) => ok), checks };
    },
  };
}
