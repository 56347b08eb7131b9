/** The login of the settings for a client that is not ours. */
import type { KafkaSettings } from "../engine/kafka/kafka_client.ts";
import type { EndpointLogin, PasswordLogin } from "../engine/kafka/login.ts";

/** @throws {TypeError} for a login that only a program of its own can do */
export function plainLogin({ sasl }: KafkaSettings): PasswordLogin | EndpointLogin | undefined {
  if (sasl && "token" in sasl) throw new TypeError("Only this program can make tokens of its own");
  return sasl;
}
