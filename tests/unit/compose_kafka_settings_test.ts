/** TLS and login from the settings: files are read at once, and what is wrong with one is said by its setting's name. */
import { generateKeyPairSync } from "node:crypto";
import { connectionHint } from "../../src/app/compose/connection_hint.ts";
import { kafkaSettings } from "../../src/app/compose/kafka_settings.ts";
import { readConfig } from "../../src/config.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const services = { KAFKA_BROKERS: "a:1", DATABASE_URL: "postgres://db/x" };
const settingsOf = (more: Record<string, string>) =>
  kafkaSettings(readConfig({ ...services, ...more }), ["a:1"]);

Deno.test("a key with a passphrase is read with it, and refused without it or with another", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const { privateKey } = generateKeyPairSync("ec", {
      namedCurve: "P-256",
      privateKeyEncoding: {
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: "pass",
      },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
    await Deno.writeTextFile(key, privateKey);
    await Deno.writeTextFile(cert, "-----BEGIN CERTIFICATE-----\n");
    const tls = { KAFKA_SSL: "true", KAFKA_SSL_CERT: cert, KAFKA_SSL_KEY: key };
    const { ssl } = settingsOf({ ...tls, KAFKA_SSL_KEY_PASSPHRASE: "pass" });
    assert(typeof ssl === "object");
    assertStringIncludes(ssl.key ?? "", "BEGIN PRIVATE KEY");
    assertThrows(() => settingsOf(tls), Error, "Set KAFKA_SSL_KEY_PASSPHRASE");
    const wrong = { ...tls, KAFKA_SSL_KEY_PASSPHRASE: "nope" };
    const error = assertThrows(() => settingsOf(wrong), Error, "KAFKA_SSL_KEY:");
    assert(!error.message.includes("nope"));
    assertThrows(() => settingsOf({ ...tls, KAFKA_SSL_CERT: key }), Error, "KAFKA_SSL_CERT:");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("settings of Kafka that need or shut out each other are named", () => {
  const endpoint = { KAFKA_OAUTH_TOKEN_ENDPOINT: "https://login/token" };
  const cases: [Record<string, string>, string][] = [
    [{ KAFKA_SSL: "true", KAFKA_SSL_CERT: "c" }, "KAFKA_SSL_KEY: is missing"],
    [{ KAFKA_SSL_SERVER_NAME: "c" }, "KAFKA_SSL_SERVER_NAME: needs KAFKA_SSL=true"],
    [{ KAFKA_SASL_USERNAME: "ada" }, "KAFKA_SASL_MECHANISM: is missing"],
    [{ KAFKA_SASL_MECHANISM: "oauthbearer" }, "KAFKA_OAUTH_TOKEN_ENDPOINT"],
    [{ KAFKA_SASL_MECHANISM: "oauthbearer", ...endpoint }, "KAFKA_OAUTH_CLIENT_SECRET"],
    [endpoint, "must be oauthbearer"],
    [{ KAFKA_OAUTH_TOKEN_ENDPOINT: "ftp://x/" }, "KAFKA_OAUTH_TOKEN_ENDPOINT: an https://"],
  ];
  for (const [settings, message] of cases) assertThrows(() => settingsOf(settings), Error, message);
  const file = { KAFKA_SASL_MECHANISM: "oauthbearer", KAFKA_OAUTH_TOKEN_ENDPOINT: "file:///t" };
  assertEquals(settingsOf(file).sasl?.mechanism, "oauthbearer");
});

Deno.test("a connection that fails names the setting to look at", () => {
  const hint = (message: string, name = "KafkaJSConnectionError") =>
    connectionHint(Object.assign(new Error(message), { name }));
  assertStringIncludes(hint("unable to verify the first certificate"), "KAFKA_SSL_CA");
  assertStringIncludes(hint("Host: x. is not in the cert's altnames: y"), "KAFKA_SSL_SERVER_NAME");
  assertStringIncludes(hint("received fatal alert: CertificateRequired"), "KAFKA_SSL_CERT");
  assertStringIncludes(hint("Closed connection", "KafkaJSConnectionClosedError"), "KAFKA_SASL");
  assertStringIncludes(hint("Connection error: write after end"), "KAFKA_SSL_CERT");
  assertEquals(hint("connect ECONNREFUSED"), "");
});
