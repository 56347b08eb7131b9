/** Opens what a command works with, and asks its questions. The commands themselves stand in the wiring. */
import { runUntilSignal } from "../app/compose/run_until_signal.ts";
import type { Services } from "../app/compose/services.ts";
import { unreached } from "../app/compose/unreached.ts";
import { type Config, readConfig } from "../config.ts";
import { plainText } from "../engine/core/plain_text.ts";
import { resolveServices, type StackUse } from "../tools/resolve_services.ts";
import { exitCodes } from "./exit_codes.ts";
import { progress } from "./progress.ts";

/**
 * Commands that look at a pipeline or repair it use a stack that runs; only those that say so start one. A Kafka or Postgres
 * that is away is named with its address.
 */
export function withServices<T>(
  act: (config: Config, services: Services, signal: AbortSignal) => Promise<T>,
  use: StackUse = "find",
): Promise<T> {
  const config = readConfig();
  return runUntilSignal(
    async (signal) => {
      const services = await resolveServices(config, use, { onProgress: progress, signal });
      try {
        return await act(config, services, signal);
      } catch (error) {
        throw unreached("kafka", services, error) ?? unreached("postgres", services, error) ??
          error;
      }
    },
    { shutdownMsMax: config.SHUTDOWN_MS_MAX, lateExitCode: exitCodes.wrongUse },
  );
}

/** Asks at a terminal; without one the answer is no. */
export const confirmed = (question: string) =>
  Deno.stdin.isTerminal() && confirm(plainText(question));
