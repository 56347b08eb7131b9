/** Gives commands what they act on: settings, services and a signal, opened for each and closed again. */
import { checkBooks, explain } from "../compose/books.ts";
import { rebuildViews, viewsStatus } from "../compose/read_model.ts";
import { runUntilSignal } from "../compose/run_until_signal.ts";
import { resolveServices, type Services } from "../compose/services.ts";
import { type Config, readConfig } from "../config.ts";
import type { ExplainActions } from "./explain.ts";
import { progress } from "./progress.ts";
import type { ProjectionActions } from "./projection.ts";
import type { VerifyActions } from "./verify.ts";

/** Commands that look at a pipeline or mend it use a stack that runs; they never start one. */
function withServices<T>(
  act: (config: Config, services: Services, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const config = readConfig();
  return runUntilSignal(
    async (signal) => act(config, await resolveServices(config, "find", progress), signal),
    { shutdownMsMax: config.SHUTDOWN_MS_MAX },
  );
}

export const verifyActions: VerifyActions = {
  check: (options) =>
    withServices((config, services, signal) =>
      checkBooks(config, services, { ...options, signal })
    ),
};

export const explainActions: ExplainActions = {
  explain: (orderId) =>
    withServices((config, services, signal) => explain(config, services, orderId, signal)),
};

export const projectionActions: ProjectionActions = {
  rebuild: (options) =>
    withServices((config, services, signal) =>
      rebuildViews(config, services, { ...options, signal })
    ),
  status: () => withServices(viewsStatus),
};
