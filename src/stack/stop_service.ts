/** Ends one service: asked first, killed when it does not heed. Touches no record and no data. */
import { type ProcessMark, waitUntilGone } from "./processes.ts";
import { sendSignal } from "./send_signal.ts";
import { StackError } from "./stack_error.ts";

/** How to ask, and how long to wait before killing; neither service loses anything durable by being killed. */
export const endings = {
  /** Kafka ends in half a second; the first time it then writes its class archive, which is not worth more than this. */
  kafka: { signal: "TERM", orderlyMsMax: 15_000 },
  kafkaAtOnce: { signal: "KILL", orderlyMsMax: 10_000 },
  /** A fast shutdown: clients are disconnected, a checkpoint is written. */
  postgres: { signal: "INT", orderlyMsMax: 30_000 },
} as const;
const killedMsMax = 10_000;

/** How a service ended; `gone` when it was not running. */
export type Ending = "gone" | "stopped" | "killed";

/**
 * Ends the process and waits until it is gone: asked as {@linkcode endings} says, then killed.
 *
 * @throws {StackError} when it is still there after KILL
 */
export async function stopService(
  mark: ProcessMark,
  name: string,
  { signal, orderlyMsMax }: (typeof endings)[keyof typeof endings],
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
