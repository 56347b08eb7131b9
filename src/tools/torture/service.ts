/** A process of the torture's cluster that faults may end, stop and start again. Knows nothing of what it serves. */
import { type Daemon, type ProcessIdentity, waitUntilGone } from "../stack/processes.ts";
import { sendSignal } from "../stack/send_signal.ts";
import { pause } from "../stack/wait.ts";

/** A service that faults may end and start again. */
export interface Service {
  readonly name: string;
  readonly running: boolean;
  /** Ends it with SIGKILL; true once it was seen to be gone. */
  kill(): Promise<boolean>;
  /** SIGSTOP, or SIGCONT; false when it does not run. */
  freeze(frozen: boolean): Promise<boolean>;
  /** Asks it to end and waits. */
  stop(): Promise<void>;
  /** Starts it and waits until it answers. */
  start(): Promise<void>;
}

const startAttemptsMax = 20;
const restartMs = 300;
const stopMsMax = 30_000;

/** A process that was started. */
interface Started {
  readonly daemon: Daemon;
  readonly ready: () => Promise<unknown>;
}

/** Makes a service of what `launch` starts; it gets the identity of the process before it. Disposing kills it. */
export function daemonService(
  name: string,
  stopSignal: "TERM" | "INT",
  launch: (before: ProcessIdentity | undefined) => Promise<Started>,
): Service & AsyncDisposable {
  let daemon: Daemon | undefined;
  let before: ProcessIdentity | undefined;
  const running = () => daemon !== undefined && daemon.exited() === undefined;
  const kill = async () => {
    if (!daemon || !running()) return false;
    const { identity } = daemon;
    await sendSignal(identity, "KILL");
    const gone = await waitUntilGone(identity, { waitMsMax: 10_000 });
    if (gone) daemon = undefined;
    return gone;
  };
  return {
    name,
    get running() {
      return running();
    },
    kill,
    async freeze(frozen) {
      if (!daemon || !running()) return false;
      const args = [frozen ? "-STOP" : "-CONT", String(daemon.identity.pid)];
      return (await new Deno.Command("/bin/kill", { args }).output()).success;
    },
    async stop() {
      if (!daemon || !running()) return;
      await sendSignal(daemon.identity, stopSignal);
      if (!await waitUntilGone(daemon.identity, { waitMsMax: stopMsMax })) await kill();
      daemon = undefined;
    },
    async start() {
      for (let attempt = 1; !running(); attempt++) {
        const launched = await launch(before);
        daemon = launched.daemon;
        before = daemon.identity;
        try {
          await launched.ready();
        } catch (error) {
          // After SIGKILL the server's other processes take a moment to notice, and hold its memory until then.
          if (attempt >= startAttemptsMax || running()) throw error;
          await pause(restartMs);
        }
      }
    },
    // Its directory goes too: there is nothing to save.
    [Symbol.asyncDispose]: async () => void await kill(),
  };
}
