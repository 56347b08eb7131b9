/** Faults of a process: killed at any moment, or stopped for a while and continued. */
import { delay } from "../../../engine/core/delay.ts";
import { leadTimes } from "../../../engine/outbox/lead_rules.ts";
import { roleNamed } from "../arena.ts";
import type { FaultKind, Stage, Track } from "../fault.ts";

/** Processes of one sort. */
interface Sort {
  readonly name: string;
  readonly track: Track;
  readonly victims: (stage: Stage) => readonly string[];
  /** How often one of them is struck, relative to the others of the track. */
  readonly share: number;
  /** After so long without a sign another one has its work, milliseconds; a group's session where absent. */
  readonly lease?: { readonly name: string; readonly ms: number };
}

const sorts: readonly Sort[] = [
  { name: "worker", track: "worker", victims: ({ workers }) => workers, share: 1 },
  {
    ...{ name: "relay", track: "relay", victims: ({ relays }) => relays, share: 1 },
    lease: { name: "its lease", ms: leadTimes.validMs },
  },
  { name: "projector", track: "projector", victims: ({ projectors }) => projectors, share: 1 },
  { name: "serve", track: "projector", victims: () => ["serve-1"], share: 0.5 },
];

/** `transactionTimeoutMs` and `sessionTimeoutMs` are those of the run: stops are shorter and longer than each. */
export function processFaults(
  { transactionTimeoutMs, sessionTimeoutMs }: {
    readonly transactionTimeoutMs: number;
    readonly sessionTimeoutMs: number;
  },
): FaultKind[] {
  return sorts.flatMap((sort) => {
    const { name, ms } = sort.lease ?? { name: "the session timeout", ms: sessionTimeoutMs };
    const stops = [
      ["short", 200, transactionTimeoutMs / 2, 2],
      [
        "longer than the transaction timeout",
        transactionTimeoutMs + 500,
        sessionTimeoutMs - 500,
        1,
      ],
      [`longer than ${name}`, ms + 500, ms + 2_000, 1],
    ] as const;
    return [
      killFault(sort),
      ...stops.map(([length, low, high, weight]) => stopFault(sort, length, low, high, weight)),
    ];
  });
}

function killFault({ name, track, victims, share }: Sort): FaultKind {
  return {
    kind: `kill -9 at random: ${name}`,
    track,
    weight: 3 * share,
    draw: (random, stage) => ({ victim: random.pick(victims(stage)) }),
    strike: (arena, { victim }) => roleNamed(arena, victim).kill(),
  };
}

function stopFault(
  { name, track, victims, share }: Sort,
  length: string,
  low: number,
  high: number,
  weight: number,
): FaultKind {
  return {
    kind: `SIGSTOP, ${length}: ${name}`,
    track,
    weight: weight * share,
    draw: (random, stage) => ({
      victim: random.pick(victims(stage)),
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
