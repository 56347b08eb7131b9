/** Faults of the network between one process and Postgres: what either of them sends gets nowhere for a while. */
import { delay } from "../../../engine/core/delay.ts";
import { waitFor } from "../../stack/wait.ts";
import type { BlackHole } from "../database_proxy.ts";
import type { FaultKind } from "../fault.ts";

const waitMsMax = 15_000;

/** All of them. A worker that only runs flows has nothing to say to Postgres. */
export function blackHoleFaults(): FaultKind[] {
  return [
    blackHoleFault("black hole towards Postgres", () => {}),
    // A leader goes on as one while its lock is free, and another has taken it.
    blackHoleFault("black hole towards Postgres that its sessions do not outlive", (hole) => {
      hole.endSessions();
    }),
  ];
}

function blackHoleFault(kind: string, meanwhile: (hole: BlackHole) => void): FaultKind {
  return {
    kind,
    track: "network",
    weight: 2,
    draw: (random, { relays, projectors }) => ({
      victim: random.pick([...relays, ...projectors, "serve-1"]),
      amounts: { forMs: random.integer(500, 8_000) },
    }),
    async strike({ cluster: { database } }, { victim, amounts }, signal) {
      // It may be on its way back from another fault.
      const found = await waitFor(() => {
        const hole = database.blackHole(victim);
        if (hole?.connections) return hole;
        hole?.[Symbol.dispose]();
      }, { waitMsMax });
      if (!found) return false;
      using hole = found;
      meanwhile(hole);
      await delay(amounts.forMs ?? 500, signal).catch(() => {});
      return true;
    },
  };
}
