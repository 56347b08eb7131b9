/** Finds a stack by asking it, and waits for one that does not answer (yet). Starts nothing, and looks at no process. */
import { findSilent, findStack } from "./find_stack.ts";
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
 * The stack of the directory, as soon as both of its services answer; undefined where none is on record, or
 * nothing listens any more. To look whether a process is there a program must be allowed to run others; the roles are not.
 *
 * @throws {StackError} when one is on record and does not answer in all that time: it was killed, or hangs
 */
export async function awaitStack(
  directory: string,
  { onProgress = () => {}, waitMsMax = patienceMs }: AwaitOptions = {},
): Promise<StackState | undefined> {
  let said = "";
  const answering = await waitFor(async () => {
    const found = await findStack(directory);
    if (found) return found;
    const silent = await findSilent(directory);
    if (silent?.gone) return "none" as const;
    if (silent === undefined || silent.who === said) return undefined;
    onProgress(`${silent.who} of the embedded stack does not answer; waiting`);
    said = silent.who;
  }, { waitMsMax, intervalMs: lookEveryMs });
  if (answering !== undefined) return answering === "none" ? undefined : answering;
  throw new StackError(
    `${said} of the embedded stack in ${directory} has not answered for ${waitMsMax / 1000} s: ` +
      `is the machine overloaded, or the process stopped? "deno task stack" starts it again`,
  );
}
