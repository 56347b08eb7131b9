/** Who may come in over HTTP, by the settings: `serve` and the worker's health go by the same rules. */
import { type Config, ConfigError } from "../../config.ts";
import { isLoopback } from "../../engine/observe/host_rule.ts";
import type { MayRead } from "../../engine/observe/health_server.ts";
import { createFindClient } from "../http/find_client.ts";

/**
 * An address that other machines reach needs tokens, or the word that it needs none.
 *
 * @throws {ConfigError} naming the settings
 */
export function refuseOpenDoor(config: Config): void {
  if (isLoopback(config.HTTP_HOST) || config.API_TOKENS.length > 0 || config.ALLOW_ANONYMOUS) {
    return;
  }
  throw new ConfigError(
    `HTTP_HOST: other machines reach ${config.HTTP_HOST}, and without a token everybody may place and read orders. ` +
      "Set API_TOKENS (or API_TOKEN); or set ALLOW_ANONYMOUS=true where only those who may do so reach it",
  );
}

/** Where there are tokens, metrics need one with that right. */
export function metricsGuard({ API_TOKENS }: Config): MayRead {
  if (API_TOKENS.length === 0) return () => true;
  const findClient = createFindClient(API_TOKENS);
  return ({ headers }) => findClient(headers.get("authorization"))?.rights.has("metrics") ?? false;
}

/** The token of a client that may place orders, for programs of ours that place some. */
export function placingToken({ API_TOKENS }: Config): string | undefined {
  return API_TOKENS.find(({ rights }) => rights.has("place"))?.token.reveal();
}
