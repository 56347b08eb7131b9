/** How to reach the brokers under the settings: TLS and login, with what the files say that they name. */
import { createPrivateKey } from "node:crypto";
import { type Config, ConfigError } from "../../config.ts";
import type { KafkaSettings } from "../../engine/kafka/kafka_client.ts";
import type { KafkaLogin } from "../../engine/kafka/login.ts";
import type { KafkaTls } from "../../engine/kafka/tls.ts";

/** @throws {ConfigError} naming the setting whose file cannot be used */
export function kafkaSettings(config: Config, brokers: readonly string[]): KafkaSettings {
  return {
    brokers,
    clientId: config.KAFKA_CLIENT_ID,
    namespace: config.NAMESPACE,
    ssl: config.KAFKA_SSL && tlsOf(config),
    unpackedBytesMax: config.BATCH_UNPACKED_BYTES_MAX,
    sasl: loginOf(config),
  };
}

function tlsOf(config: Config): true | KafkaTls {
  const { KAFKA_SSL_CA, KAFKA_SSL_CERT, KAFKA_SSL_KEY, KAFKA_SSL_SERVER_NAME } = config;
  if (![KAFKA_SSL_CA, KAFKA_SSL_CERT, KAFKA_SSL_SERVER_NAME].some(Boolean)) return true;
  return {
    ...(KAFKA_SSL_CA && { ca: readCertificate("KAFKA_SSL_CA", KAFKA_SSL_CA) }),
    ...(KAFKA_SSL_CERT && { cert: readCertificate("KAFKA_SSL_CERT", KAFKA_SSL_CERT) }),
    ...(KAFKA_SSL_KEY && {
      key: readKey(KAFKA_SSL_KEY, config.KAFKA_SSL_KEY_PASSPHRASE?.reveal()),
    }),
    ...(KAFKA_SSL_SERVER_NAME && { serverName: KAFKA_SSL_SERVER_NAME }),
  };
}

function loginOf(config: Config): KafkaLogin | undefined {
  const mechanism = config.KAFKA_SASL_MECHANISM;
  if (mechanism === undefined) return undefined;
  if (mechanism !== "oauthbearer") {
    const username = config.KAFKA_SASL_USERNAME ?? "";
    return { mechanism, username, password: config.KAFKA_SASL_PASSWORD?.reveal() ?? "" };
  }
  return {
    mechanism,
    tokenEndpoint: config.KAFKA_OAUTH_TOKEN_ENDPOINT ?? "",
    clientId: config.KAFKA_OAUTH_CLIENT_ID ?? "",
    clientSecret: config.KAFKA_OAUTH_CLIENT_SECRET?.reveal() ?? "",
    ...(config.KAFKA_OAUTH_SCOPE && { scope: config.KAFKA_OAUTH_SCOPE }),
  };
}

function readCertificate(setting: string, path: string): string {
  const text = readText(setting, path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new ConfigError(`${setting}: cannot use ${path}: it holds no certificate in PEM`);
}

/** Without its passphrase, and in the one form (PKCS 8) that Kafka's Java client reads, too. It stays in memory. */
function readKey(path: string, passphrase: string | undefined): string {
  const text = readText("KAFKA_SSL_KEY", path);
  if (text.includes("ENCRYPTED") && passphrase === undefined) {
    throw new ConfigError(
      `KAFKA_SSL_KEY: ${path} is encrypted. Set KAFKA_SSL_KEY_PASSPHRASE, or KAFKA_SSL_KEY_PASSPHRASE_FILE`,
    );
  }
  try {
    const key = createPrivateKey({ key: text, format: "pem", passphrase });
    return String(key.export({ type: "pkcs8", format: "pem" }));
  } catch {
    // No cause: what a parser says of a key may quote it.
    const hint = passphrase === undefined
      ? ""
      : ", or KAFKA_SSL_KEY_PASSPHRASE is not its passphrase";
    throw new ConfigError(`KAFKA_SSL_KEY: ${path} holds no private key in PEM${hint}`);
  }
}

function readText(setting: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${setting}: cannot use ${path}: ${reason}`, { cause: error });
  }
}
