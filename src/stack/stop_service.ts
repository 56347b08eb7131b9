/** Ends one service: asked first, killed when it does not heed. Touches no record and no data. */
import { type ProcessMark, waitUntilGone } from "./processes.ts";
import { sendSignal } from "./send_signal.ts";
import { StackError } from "./stack_error.ts";

/** Time for an orderly end: Kafka hands over and may write its class archive, PostgreSQL makes a checkpoint. */
const orderlyMsMax = 30_000;
const killedMsMax = 10_000;

/** How a service ended; `gone` when it was not running. */
export type Ending = "gone" | "stopped" | "killed";

/**
 * Ends the process and waits until it is gone: TERM for Kafka, INT (a fast shutdown) for PostgreSQL, then KILL.
 *
 * @throws {StackError} when it is still there after KILL
 */
export async function stopService(
  mark: ProcessMark,
  name: string,
  signal: "TERM" | "INT" | "KILL",
): Promise<Ending> {
  if (!await sendSignal(mark, signal)) {
    // Gone already, or not ours to signal: the next wait tells which.
    if (await waitUntilGone(mark, { waitMsMax: 0 })) return "gone";
  }
  if (await waitUntilGone(mark, { waitMsMax: orderlyMsMax })) return "stopped";
  await sendSignal(mark, "KILL");
  if (await waitUntilGone(mark, { waitMsMax: killedMsMax })) return "killed";
  throw new StackError(
    `Cannot stop ${name}: process ${mark.pid} is still there after KILL. ` +
      "It may belong to another user; stop it as that user.",
  );
}
