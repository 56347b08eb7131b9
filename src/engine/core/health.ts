/**
 * Holds what stands in the way of this process, by name and cause, and says each change of it once in the log. It checks
 * nothing itself: whoever waits, retries or halts reports here, so that an operator can see it at `/readyz`.
 */
import { getLogger } from "../packages/logtape.ts";

/** One condition as it stands. */
export interface HealthCheck {
  /** `postgres`, `kafka`, `group:<id>`, `lane:<topic>-<n>`, `relay:<shard>`, `projection:<name>`, `flow:<name>`, ... */
  readonly name: string;
  /** Whether it stands in nobody's way. */
  readonly ok: boolean;
  /** When it became so: ISO 8601, UTC. */
  readonly since: string;
  /** Why it is not ok, cause by cause; where it is, what it does if that was noted, else empty. */
  readonly detail: string;
}

/** Ready when every condition is ok. */
export interface Readiness {
  /** Whether every condition is ok. */
  readonly ready: boolean;
  /** The conditions, in the order of their first report. */
  readonly checks: readonly HealthCheck[];
}

/** What tells one reason for a condition from another, and how long it counts. */
export interface DownOptions {
  /** Several reasons may hold at a time; each is taken back by its own cause. The empty one where absent. */
  readonly cause?: string;
  /**
   * The report lapses unless it is repeated in time: a lane that waits for a dependency can lose its partition, and then
   * nobody is left to say that the dependency is back. Milliseconds.
   */
  readonly forMsMax?: number;
  /**
   * `alone`: not where another cause holds, of which it is a consequence. `never`: another condition says it. Readiness shows
   * it all the same, and what was never logged is taken back without a line.
   */
  readonly logged?: "always" | "alone" | "never";
}

/** The conditions of one process. Reports may be repeated at will: only what is new is logged. */
export interface Health {
  /** This part works; with a cause, only that reason is taken back. */
  up(name: string, cause?: string): void;
  /** Not ready, for this reason. */
  down(name: string, reason: string, options?: DownOptions): void;
  /** What this part does for as long as it is ok, such as standing by. Shown, never logged. */
  note(name: string, text: string): void;
  /**
   * Forgets the condition: whoever reported it has ended, or its partition has another owner. With a cause, only that reason.
   * Nothing is logged: that nobody says so any more does not make it all right.
   */
  remove(name: string, cause?: string): void;
  /** The conditions as they stand. */
  ready(): Readiness;
}

/** The name of a lane's condition. */
export function laneCheck(
  { topic, partition }: { readonly topic: string; readonly partition: number },
): string {
  return `lane:${topic}-${partition}`;
}

interface Condition {
  /** Reasons by cause; none when all is well. */
  readonly reasons: Map<string, Reason>;
  ok: boolean;
  /** Milliseconds since the epoch. */
  since: number;
  note: string;
  /** Whether anything of it was logged since it is not ok. */
  wasLogged: boolean;
}

interface Reason {
  readonly text: string;
  /** What was logged of this cause since it holds. */
  readonly said: Set<string>;
  /** When a report that is not repeated lapses, by the clock that only goes forward. */
  readonly lapsesAt: number;
}

const log = getLogger(["onceflow", "health"]);
/** So many different texts of one cause are logged until it is taken back; readiness always shows the latest. */
const textsMax = 10;

/** No condition at first: a process that nothing was said of is ready. */
export function createHealth(clock?: () => number): Health {
  const now = clock ?? Date.now;
  const steady = clock ?? (() => performance.now());
  const conditions = new Map<string, Condition>();

  /** Brings `ok` and `since` up to date, and logs the change. */
  function settle(name: string, condition: Condition): void {
    for (const [cause, { lapsesAt }] of condition.reasons) {
      if (lapsesAt <= steady()) condition.reasons.delete(cause);
    }
    const ok = condition.reasons.size === 0;
    if (ok === condition.ok) return;
    if (ok && condition.wasLogged) log.info("{name} is all right again", { name });
    Object.assign(condition, { ok, since: now() }, ok && { wasLogged: false });
  }

  function conditionOf(name: string): Condition {
    let condition = conditions.get(name);
    if (!condition) {
      condition = { reasons: new Map(), ok: true, since: now(), note: "", wasLogged: false };
      conditions.set(name, condition);
    }
    return condition;
  }

  return {
    up(name, cause) {
      const condition = conditionOf(name);
      if (cause === undefined) condition.reasons.clear();
      else condition.reasons.delete(cause);
      settle(name, condition);
    },
    down(name, text, { cause = "", forMsMax = Infinity, logged = "always" } = {}) {
      const condition = conditionOf(name);
      const said = condition.reasons.get(cause)?.said ?? new Set();
      // The same obstacle may be in the way of several things.
      const isKnown = [...condition.reasons.values()].some((reason) => reason.text === text);
      const isAlone = condition.reasons.size - Number(condition.reasons.has(cause)) === 0;
      condition.reasons.set(cause, { text, said, lapsesAt: steady() + forMsMax });
      // Whoever tries again may meet another error each time, and two of them in turn: each of them is said once.
      const isHeard = logged === "always" || (logged === "alone" && isAlone);
      if (isHeard && !said.has(text) && said.size < textsMax) {
        said.add(text);
        if (!isKnown || !condition.wasLogged) {
          log.warn("{name} is not ready: {reason}", { name, reason: text });
          condition.wasLogged = true;
        }
      }
      settle(name, condition);
    },
    note: (name, text) => void (conditionOf(name).note = text),
    remove(name, cause) {
      if (cause === undefined) return void conditions.delete(name);
      const condition = conditions.get(name);
      if (!condition?.reasons.delete(cause) || condition.reasons.size > 0) return;
      Object.assign(condition, { ok: true, since: now(), wasLogged: false });
    },
    ready() {
      const checks = [...conditions].map(([name, condition]): HealthCheck => {
        settle(name, condition);
        return {
          name,
          ok: condition.ok,
          since: new Date(condition.since).toISOString(),
          detail: condition.ok
            ? condition.note
            : [...new Set([...condition.reasons.values()].map(({ text }) => text))].join("; "),
        };
      });
      return { ready: checks.every(({ ok }) => ok), checks };
    },
  };
}
