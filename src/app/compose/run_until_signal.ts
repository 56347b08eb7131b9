/** Turns SIGINT and SIGTERM into an orderly stop that is bounded in time. */
import { getLogger } from "@logtape/logtape";

const log = getLogger(["onceflow"]);
const exitInterrupted = 130;
/**
 * One Ctrl-C comes more than once: the terminal sends it to the whole group of processes, and `deno task` and npx hand
 * on what they got themselves. What follows the first within this time is the same press, not a second one.
 */
const samePressMsMax = 200;

/**
 * Runs `work` with a signal that fires at the first SIGINT or SIGTERM. The second one ends the process at once; so does
 * the time limit, with status 0 unless said otherwise: what is cut off then is an open transaction, which the coordinator
 * aborts.
 */
export async function runUntilSignal<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { shutdownMsMax, lateExitCode = 0 }: {
    readonly shutdownMsMax: number;
    /** For work that owes an answer: cut off, it has not given one. */
    readonly lateExitCode?: number;
  },
): Promise<T> {
  const stop = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt !== undefined) {
      if (performance.now() - firstAt > samePressMsMax) Deno.exit(exitInterrupted);
      return;
    }
    firstAt = performance.now();
    log.info("Stopping; a second signal stops at once");
    stop.abort(new DOMException("Stopped by a signal", "AbortError"));
    timer = setTimeout(() => {
      log.warn("Stopped after {shutdownMsMax} ms with work in hand; it will be done again", {
        shutdownMsMax,
      });
      Deno.exit(lateExitCode);
    }, shutdownMsMax);
  };
  const names = ["SIGINT", "SIGTERM"] as const;
  for (const name of names) Deno.addSignalListener(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
    // After a signal they stay: without them the rest of the same key press would kill what is about to exit in order.
    if (firstAt === undefined) {
      for (const name of names) Deno.removeSignalListener(name, onSignal);
    }
  }
}

/** Resolves when the signal fires. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
