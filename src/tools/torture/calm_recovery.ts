/** Measures recoveries with nothing else going wrong: how long a killed process, or what it led, stands still. */
import { delay } from "../../engine/core/delay.ts";
import type { Arena } from "./arena.ts";
import { type Recovery } from "./recoveries.ts";
import type { RoleEvent } from "./role_event.ts";

type Commit = Extract<RoleEvent, { event: "committed" }>;

const waitMsMax = 60_000;

/** Kills a worker, the leader of an outbox shard and a projector, each so often, and waits until its work goes on. */
export async function calmRecoveries(
  arena: Arena,
  rounds: number,
  signal: AbortSignal,
): Promise<Recovery[]> {
  const recoveries: Recovery[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const role of ["flow", "relay", "projector"] as const) {
      // Whoever commits next is the one that has work to lose.
      const victim = await nextCommit(arena, signal, (_, commit) => commit.role === role);
      if (!victim) continue;
      const { name, commit } = victim;
      const since = performance.now();
      await arena.roles.get(name)?.kill();
      const back = await nextCommit(
        arena,
        signal,
        (who, { role: what, shard }) =>
          what === role && (role === "relay" ? shard === commit.shard : who === name),
      );
      const ms = Math.round((back ? performance.now() : since + waitMsMax) - since);
      recoveries.push({ kind: `kill -9, nothing else: ${role}`, victim: name, ms });
      arena.log(`recovered: ${name} (${role}) after ${ms} ms`);
      await delay(1_000, signal);
    }
  }
  return recoveries;
}

function nextCommit(
  { events }: Arena,
  signal: AbortSignal,
  fits: (name: string, commit: Commit) => boolean,
): Promise<{ name: string; commit: Commit } | undefined> {
  return new Promise((resolve) => {
    const end = (found: { name: string; commit: Commit } | undefined) => {
      off();
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      resolve(found);
    };
    const stop = () => end(undefined);
    const off = events.on((name, event) => {
      if (event.event === "committed" && fits(name, event)) end({ name, commit: event });
    });
    const timer = setTimeout(stop, waitMsMax);
    signal.addEventListener("abort", stop);
  });
}
