/** Faults of a process: killed at any moment, or stopped for a while and continued. */
import { delay } from "../../core/delay.ts";
import { roleNamed } from "../arena.ts";
import type { FaultKind, Stage, Track } from "../fault.ts";

/** Who may be struck on a track. */
const victimsOf: Partial<Record<Track, (stage: Stage) => readonly string[]>> = {
  worker: ({ workers }) => workers,
  relay: ({ relays }) => relays,
  projector: ({ projectors }) => [...projectors, "serve-1"],
};

/** `transactionTimeoutMs` and `sessionTimeoutMs` are those of the run: stops are shorter and longer than each. */
export function processFaults(
  { transactionTimeoutMs, sessionTimeoutMs }: {
    readonly transactionTimeoutMs: number;
    readonly sessionTimeoutMs: number;
  },
): FaultKind[] {
  const stops = [
    ["short", 200, transactionTimeoutMs / 2, 2],
    ["longer than the transaction timeout", transactionTimeoutMs + 500, sessionTimeoutMs - 500, 1],
    ["longer than the session timeout", sessionTimeoutMs + 500, sessionTimeoutMs + 2_000, 1],
  ] as const;
  return (["worker", "relay", "projector"] as const).flatMap((track) => [
    killFault(track),
    ...stops.map(([length, low, high, weight]) => stopFault(track, length, low, high, weight)),
  ]);
}

function killFault(track: Track): FaultKind {
  return {
    kind: `kill -9 at random: ${track}`,
    track,
    weight: 3,
    draw: (random, stage) => ({ victim: random.pick(victimsOf[track]?.(stage) ?? []) }),
    strike: (arena, { victim }) => roleNamed(arena, victim).kill(),
  };
}

function stopFault(
  track: Track,
  length: string,
  low: number,
  high: number,
  weight: number,
): FaultKind {
  return {
    kind: `SIGSTOP, ${length}: ${track}`,
    track,
    weight,
    draw: (random, stage) => ({
      victim: random.pick(victimsOf[track]?.(stage) ?? []),
      amounts: { stopMs: random.integer(low, Math.max(low, high)) },
    }),
    async strike(arena, { victim, amounts }, signal) {
      const role = roleNamed(arena, victim);
      if (!role.signal("SIGSTOP")) return false;
      try {
        await delay(amounts.stopMs ?? low, signal);
      } finally {
        role.signal("SIGCONT");
      }
      return role.running;
    },
  };
}
