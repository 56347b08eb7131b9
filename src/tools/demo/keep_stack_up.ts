/** Starts again what was killed of the embedded stack while the demonstration runs. Leaves alone what somebody has stopped. */
import type { Config } from "../../config.ts";
import { delay } from "../../engine/core/delay.ts";
import { inspectStack } from "../stack/find_stack.ts";
import type { Services } from "../../app/compose/services.ts";
import { resolveServices } from "../resolve_services.ts";

const lookEveryMs = 1_000;

/** Looks once a second until the signal fires. Services that are not the embedded stack are none of its business. */
export async function keepStackUp(
  config: Config,
  { embedded }: Services,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (embedded && !signal.aborted) {
    await delay(lookEveryMs, signal).catch(() => {});
    try {
      if (signal.aborted || !await hasDied(config.STACK_DIR)) continue;
      onProgress("Kafka or PostgreSQL has died; starting it again");
      await resolveServices(config, "start", onProgress);
    } catch (error) {
      onProgress(error instanceof Error ? error.message : String(error));
    }
  }
}

/** A service that is on record and has no process any more: `stack stop` would have struck it off. */
async function hasDied(directory: string): Promise<boolean> {
  const { kafka, postgres } = await inspectStack(directory);
  return [kafka, postgres].some(({ condition, service }) => service && condition === "stopped");
}
