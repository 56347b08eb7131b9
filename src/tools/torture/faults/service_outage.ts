/** Takes a service away for a while. */
import { delay } from "../../../engine/core/delay.ts";
import type { Service } from "../service.ts";

/** A service that is stopped looks like a network that swallows all: connections stay open and nothing comes back. */
export async function freezeForAWhile(
  service: Service,
  stopMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (!await service.freeze(true)) return false;
  try {
    await delay(stopMs, signal).catch(() => {});
  } finally {
    await service.freeze(false);
  }
  return service.running;
}

/** SIGKILL, a while without it, and a start. True when it was seen to be gone. */
export async function killAndRestart(
  service: Service,
  downMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const killed = await service.kill();
  await delay(downMs, signal).catch(() => {});
  await service.start();
  return killed;
}
