/** Starts again what was killed of the embedded stack while the demonstration runs. Leaves alone what somebody has stopped. */
import type { Config } from "../../config.ts";
import { delay } from "../../engine/core/delay.ts";
import { inspectStack } from "../stack/find_stack.ts";
import type { Services } from "../../app/compose/services.ts";
import { stopStack } from "../stack/stop_stack.ts";
import { resolveServices } from "../resolve_services.ts";

const lookEveryMs = 1_000;

/** Looks once a second until the signal fires. Services that are not the embedded stack are none of its business. */
export async function keepStackUp(
  config: Config,
  { embedded }: Pick<Services, "embedded">,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  while (embedded && !signal.aborted) {
    await delay(lookEveryMs, signal).catch(() => {});
    try {
      const dead = signal.aborted ? [] : await deadOf(config.STACK_DIR);
      if (dead.length === 0) continue;
      // A command that stops them strikes them off when they have ended: it is waited for.
      await stopStack(config.STACK_DIR, [], onProgress);
      if (await areStopped(config.STACK_DIR)) {
        onProgress(
          'Another command has stopped Kafka and PostgreSQL: nothing goes on until "deno task stack" starts them; ' +
            "Ctrl-C ends this one",
        );
        continue;
      }
      if ((await deadOf(config.STACK_DIR)).length === 0) continue;
      onProgress(`${dead.join(" and ")} has died; starting it again`);
      await resolveServices(config, "start", { onProgress, signal });
      onProgress(`${dead.join(" and ")} runs again; what waited for it goes on`);
    } catch (error) {
      if (signal.aborted) return;
      onProgress(error instanceof Error ? error.message : String(error));
    }
  }
}

/** None is on record any more. */
async function areStopped(directory: string): Promise<boolean> {
  const { kafka, postgres } = await inspectStack(directory);
  return kafka.service === undefined && postgres.service === undefined;
}

/** Services that are on record and have no process any more: `stack stop` would have struck them off. */
async function deadOf(directory: string): Promise<string[]> {
  const { kafka, postgres } = await inspectStack(directory);
  const services = [["Kafka", kafka], ["PostgreSQL", postgres]] as const;
  return services.flatMap(([name, { condition, service }]) =>
    service && condition === "stopped" ? [name] : []
  );
}
