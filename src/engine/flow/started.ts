/** Calls a flow's own hooks around a run. */
import { getLogger } from "../packages/logtape.ts";
import type { Flow } from "../core/flow.ts";

const log = getLogger(["onceflow", "flow"]);

/**
 * Calls `onStart`, and `onStop` when disposed of; undefined where the signal has fired meanwhile. What `onStop` throws must not
 * hide why the run has ended.
 */
export async function started<T, S>(
  flow: Flow<T, S>,
  signal: AbortSignal,
): Promise<AsyncDisposable | undefined> {
  if (signal.aborted) return undefined;
  try {
    await flow.onStart?.(signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
  return {
    async [Symbol.asyncDispose]() {
      try {
        await flow.onStop?.();
      } catch (error) {
        log.error("onStop of flow {name} failed: {error}", { name: flow.name, error });
      }
    },
  };
}
