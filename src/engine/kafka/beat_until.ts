/** Keeps a member in its group while it waits for something. Decides nothing about a refused beat. */
import { doneWithin } from "../core/delay.ts";
import type { Heartbeat } from "./heartbeat.ts";

/** Resolves when `work` does, rejects as it does; meanwhile a beat is sent every so often. A rebalance refuses them, and counts them. */
export async function beatUntil(
  work: Promise<unknown>,
  heartbeat: Heartbeat,
  everyMs: number,
): Promise<void> {
  while (!await doneWithin(work, everyMs)) await heartbeat.beat().catch(() => {});
}
