/** Ends one service: asked first, killed when it has not ended in time. Touches no record and no data. */
import { type ProcessIdentity, waitUntilGone } from "./processes.ts";
import { sendSignal } from "./send_signal.ts";
import { StackError } from "./stack_error.ts";

/** How long each way of asking gets before the kill; neither service loses anything durable by being killed. */
const orderlyMsMax = {
  /** Kafka ends in half a second; the first time it then writes its class archive, which is not worth more than this. */
  TERM: 15_000,
  /** PostgreSQL's fast shutdown: clients are disconnected, a checkpoint is written. */
  INT: 30_000,
  KILL: 10_000,
} as const;
const killedMsMax = 10_000;

/** How a service ended; `gone` when it was not running. */
export type Ending = "gone" | "stopped" | "killed";

/**
 * Ends the process and waits until it is gone: TERM asks Kafka, INT asks PostgreSQL, then KILL.
 *
 * @throws {StackError} when it is still there after KILL
 */
export async function stopService(
  identity: ProcessIdentity,
  name: string,
  signal: keyof typeof orderlyMsMax,
): Promise<Ending> {
  if (!await sendSignal(identity, signal)) {
    // Gone already, or not ours to signal: the next wait tells which.
    if (await waitUntilGone(identity, { waitMsMax: 0 })) return "gone";
  }
  if (await waitUntilGone(identity, { waitMsMax: orderlyMsMax[signal] })) return "stopped";
  await sendSignal(identity, "KILL");
  if (await waitUntilGone(identity, { waitMsMax: killedMsMax })) return "killed";
  throw new StackError(
    `Cannot stop ${name}: process ${identity.pid} is still there after KILL. ` +
      "It may belong to another user; stop it as that user.",
  );
}
