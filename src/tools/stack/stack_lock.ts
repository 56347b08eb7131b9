/** One command at a time may start or stop the services of a directory. The system drops the lock of one that dies. */
import { dirname } from "node:path";
import type { StackPaths } from "./paths.ts";
import { StackError } from "./stack_error.ts";
import { waitFor } from "./wait.ts";

/** The other command may be downloading. */
const waitMsMax = 300_000;

/**
 * Takes the lock, waiting for another command to let go of it; dispose of it to let go.
 *
 * @throws {StackError} when the other command keeps it for five minutes
 */
export async function lockStack(
  { lock }: StackPaths,
  onProgress?: (line: string) => void,
  signal?: AbortSignal,
): Promise<Disposable> {
  await Deno.mkdir(dirname(lock), { recursive: true });
  const file = await Deno.open(lock, { create: true, write: true });
  try {
    let told = false;
    const taken = await waitFor(async () => {
      if (await file.tryLock(true)) return true;
      if (!told) onProgress?.("waiting for another command that starts or stops the stack");
      told = true;
    }, { waitMsMax, intervalMs: 100, signal });
    if (taken) return file;
    throw new StackError(
      `Cannot start or stop the stack: another command has held ${lock} for ${
        waitMsMax / 1000
      } s. Stop that command and try again.`,
    );
  } catch (error) {
    file.close();
    throw error;
  }
}
