/** Shows how far a rebuild is: a bar on a terminal, elsewhere a line now and then. On stderr, so that a document stays one. */
import { SingleBar } from "cli-progress";
import type { RebuildProgress } from "../engine/projection/mod.ts";
import { progress } from "./progress.ts";

/** Told of each step; `stop` before anything else is printed. */
export interface ProgressShow {
  readonly onProgress: (progress: RebuildProgress) => void;
  readonly stop: () => void;
}

const lineEveryMs = 5_000;

/** A bar would be a heap of control characters anywhere but on a terminal. */
export function showProgress(): ProgressShow {
  return Deno.stderr.isTerminal() ? bar() : lines(progress, () => performance.now());
}

function bar(): ProgressShow {
  const shown = new SingleBar({
    format: "replayed {bar} {value}/{total} offsets, {duration_formatted}",
    hideCursor: true,
  });
  return {
    onProgress({ offsetsDone, offsetsTotal }) {
      // Not before: what is said at first stands above it.
      if (!shown.isActive) shown.start(offsetsTotal, offsetsDone);
      shown.setTotal(offsetsTotal);
      shown.update(offsetsDone);
    },
    stop: () => shown.stop(),
  };
}

/** At the first step, every five seconds, and when the tables are about to be exchanged. */
export function lines(say: (line: string) => void, now: () => number): ProgressShow {
  let first: { readonly at: number; readonly done: number } | undefined;
  let saidAt = -Infinity;
  let swapOf = 0;
  return {
    onProgress({ phase, pass, offsetsDone, offsetsTotal }) {
      const at = now();
      first ??= { at, done: offsetsDone };
      const isSwap = phase === "swap" && swapOf !== pass;
      if (!isSwap && at - saidAt < lineEveryMs) return;
      saidAt = at;
      if (isSwap) swapOf = pass;
      const percent = offsetsTotal === 0 ? 100 : Math.floor(100 * offsetsDone / offsetsTotal);
      const rate = (offsetsDone - first.done) / Math.max((at - first.at) / 1_000, 0.001);
      const pace = rate > 0 && at > first.at
        ? `, ${Math.round(rate)} a second, about ${
          Math.ceil((offsetsTotal - offsetsDone) / rate)
        } s to go`
        : "";
      say(
        `Replayed ${offsetsDone} of ${offsetsTotal} offsets (${percent} %), round ${pass}` +
          (isSwap ? "; now the tables are exchanged" : pace),
      );
    },
    stop: () => {},
  };
}
