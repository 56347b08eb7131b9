/** Waits for a stack whose processes are there and do not answer (yet). Starts and stops nothing. */
import { findStack, inspectStack } from "./find_stack.ts";
import { StackError } from "./stack_error.ts";
import type { StackState } from "./stack_state.ts";
import { waitFor } from "./wait.ts";

/** How to wait, and whom to tell. */
export interface AwaitOptions {
  readonly onProgress?: (line: string) => void;
  readonly waitMsMax?: number;
}

const lookEveryMs = 250;
const patienceMs = 20_000;

/**
 * The stack of the directory, as soon as both of its services answer; undefined where one of them does not run.
 *
 * @throws {StackError} when a service that runs does not answer in all that time
 */
export async function awaitStack(
  directory: string,
  { onProgress = () => {}, waitMsMax = patienceMs }: AwaitOptions = {},
): Promise<StackState | undefined> {
  let said = "";
  const answering = await waitFor(async () => {
    const found = await findStack(directory);
    if (found) return found;
    const { kafka, postgres } = await inspectStack(directory);
    if (kafka.condition === "stopped" || postgres.condition === "stopped") return "none" as const;
    const silent = [
      ...(kafka.condition === "silent" ? [`Kafka (process ${kafka.service?.pid})`] : []),
      ...(postgres.condition === "silent" ? [`PostgreSQL (process ${postgres.service?.pid})`] : []),
    ].join(" and ");
    if (silent === "" || silent === said) return undefined;
    onProgress(`${silent} of the embedded stack does not answer; waiting`);
    said = silent;
  }, { waitMsMax, intervalMs: lookEveryMs });
  if (answering !== undefined) return answering === "none" ? undefined : answering;
  throw new StackError(
    `${said} of the embedded stack in ${directory} has not answered for ${waitMsMax / 1000} s: ` +
      `is the machine overloaded, or the process stopped? "deno task stack" starts it again`,
  );
}
