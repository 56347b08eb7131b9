/** Keeps a member in its group while it waits for something. Decides nothing about a refused beat. */
import { doneWithin } from "../core/delay.ts";
import type { Heartbeat } from "./heartbeat.ts";

/** Resolves when `work` does, rejects as it does; meanwhile a beat is sent every so often. During a rebalance they are refused, and keep the session alive. */
export async function beatUntil(
  work: Promise<unknown>,
  heartbeat: Heartbeat,
  everyMs: number,
): Promise<void> {
  while (!await doneWithin(work, everyMs)) await heartbeat.beat().catch(() => {});
}
