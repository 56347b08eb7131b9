/** Decides which Kafka and Postgres a command talks to: the user's own, or the embedded stack. */
import { kafkaSettings } from "../app/compose/kafka_settings.ts";
import { NoServicesError, ownServices, type Services } from "../app/compose/services.ts";
import type { Config } from "../config.ts";
import { dropRights, mayRunStack } from "./drop_rights.ts";
import { awaitStack } from "./stack/await_stack.ts";
import { ensureStack } from "./stack/ensure_stack.ts";

/** Whether a command may start the embedded stack, or only use one that runs. */
export type StackUse = "start" | "find";

/** Whom to tell, and when to give up. */
export interface ResolveOptions {
  readonly onProgress?: (line: string) => void;
  /** Ends a start that is under way: what it has started is stopped then. */
  readonly signal?: AbortSignal;
}

/**
 * The services of this configuration; with neither `KAFKA_BROKERS` nor `DATABASE_URL` set, the embedded stack, started
 * when it is not running and `use` allows it.
 *
 * @throws {NoServicesError} when the stack is to be found and does not run
 * @throws {StackError} when it runs and does not answer, or cannot be started
 * @throws the signal's reason
 */
export async function resolveServices(
  config: Config,
  use: StackUse,
  { onProgress = () => {}, signal }: ResolveOptions = {},
): Promise<Services> {
  const own = ownServices(config);
  if (own) return own;
  const options = {
    directory: config.STACK_DIR,
    kafkaPort: config.STACK_KAFKA_PORT,
    postgresPort: config.STACK_POSTGRES_PORT,
    ...{ onProgress, signal },
  };
  const stack = use === "start"
    ? await ensureStack(options)
    : await awaitStack(config.STACK_DIR, { onProgress });
  if (!stack) {
    throw new NoServicesError(
      `There is no embedded stack running in ${config.STACK_DIR}. Start it with "deno task stack", ` +
        `or set KAFKA_BROKERS and DATABASE_URL to use your own services`,
    );
  }
  return {
    kafka: kafkaSettings(config, stack.kafkaBrokers),
    databaseUrl: stack.databaseUrl,
    embedded: true,
  };
}

/**
 * The services of `serve` or `worker`, which run nothing and write no file: what they may do more than that is given up as
 * soon as the embedded stack is found or started, and at once where the services are the user's own. Under a permission set
 * that cannot start the stack (`-P=serve`) it is found only.
 *
 * @throws as {@linkcode resolveServices}
 */
export async function servicesOfRole(
  config: Config,
  options: ResolveOptions,
): Promise<Services> {
  const use = await mayRunStack() ? "start" : "find";
  const services = await resolveServices(config, use, options);
  await dropRights();
  return services;
}

/** To be called before anything is opened. */
export async function dropUnneeded(config: Config): Promise<void> {
  if (ownServices(config)) await dropRights();
}
