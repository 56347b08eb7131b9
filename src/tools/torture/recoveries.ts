/** Measures how long a process, or its role, takes to commit again after a fault has struck it. */
import type { RoleEvent } from "./role_event.ts";

/** A recovery that was seen. */
export interface Recovery {
  readonly kind: string;
  readonly victim: string;
  readonly ms: number;
}

/** Median and longest, milliseconds; 0 where there is none. */
export interface RecoveryFigures {
  readonly count: number;
  readonly median_ms: number;
  readonly max_ms: number;
}

/** Any relay goes on for another one; a worker or projector counts as back when it commits itself. */
function answersFor(victim: string, who: string): boolean {
  return victim.startsWith("relay") ? who.startsWith("relay") : who === victim;
}

/** See the file's first line. */
export class Recoveries {
  readonly done: Recovery[] = [];
  readonly #pending = new Map<string, { kind: string; since: number }>();

  /** A fault struck; an older one of the same victim that has not recovered is given up. */
  struck(kind: string, victim: string, atMs: number): void {
    this.#pending.set(victim, { kind, since: atMs });
  }

  heard(who: string, event: RoleEvent, atMs: number): void {
    if (event.event !== "committed") return;
    for (const [victim, { kind, since }] of this.#pending) {
      if (!answersFor(victim, who) || atMs <= since) continue;
      this.#pending.delete(victim);
      this.done.push({ kind, victim, ms: Math.round(atMs - since) });
    }
  }
}

/** Sums up recoveries. */
export function recoveryFigures(recoveries: readonly Recovery[]): RecoveryFigures {
  const sorted = recoveries.map(({ ms }) => ms).sort((one, two) => one - two);
  return {
    count: sorted.length,
    median_ms: sorted[Math.floor(sorted.length / 2)] ?? 0,
    max_ms: sorted.at(-1) ?? 0,
  };
}
