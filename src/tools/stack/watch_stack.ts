/** Watches the services of a stack from the command that has started them. Says what happens to them; stops nothing. */
import { inspectStack } from "./find_stack.ts";
import { isRunning } from "./processes.ts";
import { StackError } from "./stack_error.ts";
import type { StackState } from "./stack_state.ts";
import { stopStack } from "./stop_stack.ts";
import { pause } from "./wait.ts";

const watchIntervalMs = 1_000;

/**
 * Why the watch is over: undefined when the signal fired, an error when both services have ended by themselves. One that
 * ends by itself takes the other not along: that is said, and so is that another command has started it again.
 */
export async function watchStack(
  stack: Pick<StackState, "directory" | "kafka" | "postgres">,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<undefined | "by another command" | StackError> {
  const services = [["Kafka", "kafka"], ["PostgreSQL", "postgres"]] as const;
  const running = new Map<string, { readonly pid: number; readonly startedAt: string }>(
    services.map(([name, key]) => [name, stack[key]]),
  );
  const ended = new Set<string>();
  while (!signal.aborted) {
    const all = await Promise.all([...running.values()].map(isRunning));
    if (!all.every(Boolean)) {
      await stopStack(stack.directory, []); // stops nothing, but waits for a command that does
      const now = await inspectStack(stack.directory);
      if (!now.kafka.service && !now.postgres.service) return "by another command";
      for (const [name, key] of services) {
        const { service } = now[key];
        if (service && await isRunning(service)) {
          running.set(name, service);
          if (ended.delete(name)) onProgress(`${name} runs again.`);
        } else if (!service) running.delete(name);
        else if (!ended.has(name)) {
          ended.add(name);
          onProgress(
            `${name} has ended by itself. Its log is ${service.log}. The other one goes on; ` +
              `"deno task stack" in another terminal starts ${name} again`,
          );
        }
      }
      if (running.size > 0 && [...running.keys()].every((name) => ended.has(name))) {
        return new StackError(
          `${[...ended].join(" and ")} ended by themselves; their logs say why`,
        );
      }
    }
    await pause(watchIntervalMs, signal);
  }
}
