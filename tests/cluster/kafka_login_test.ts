/** Logging in over TLS, and settings of the brokers that do not fit ours: each is said at once, by the setting's name. */
import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { openReader } from "../../src/tools/books.ts";
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { ownServices } from "../../src/app/compose/services.ts";
import { readConfig } from "../../src/config.ts";
import { describeTopics } from "../../src/engine/kafka/describe_topics.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openTransactor } from "../../src/engine/kafka/transactor.ts";
import { examine } from "../../src/tools/doctor/examine.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import {
  assert,
  assertEquals,
  assertExists,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { startOwnBroker } from "../support/own_broker.ts";
import { freshDatabase, root } from "../support/services.ts";

Deno.test("a login over TLS works with the authority's certificate, and what is wrong with it is named at once", async (test) => {
  const directory = await Deno.makeTempDir({ dir: `${root}.onceflow`, prefix: "own-broker-" });
  await using _removed = {
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
  const { keystore, ca, key } = await makeKey(directory);
  await using endpoint = tokenEndpoint();
  await using database = await freshDatabase();
  await using broker = await startOwnBroker({
    security: { users: ["ann"], keystore },
    jvm: endpoint.jvm,
    settings: {
      "super.users": "User:ANONYMOUS;User:ann",
      "transaction.state.log.replication.factor": "3",
      // Whoever comes over TLS shows a certificate of this authority.
      ...{ "listener.name.users.ssl.client.auth": "required", "ssl.truststore.type": "PEM" },
      "ssl.truststore.location": ca,
      "sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
      ...endpoint.brokerSettings,
      "group.max.session.timeout.ms": "8000",
    },
  });
  const [place = ""] = broker.as("ann").settings.brokers;
  const configOf = (more: Record<string, string> = {}) =>
    readConfig({
      ...{ KAFKA_BROKERS: place, DATABASE_URL: database.url, TOPIC_PARTITIONS: "1" },
      ...{ KAFKA_SSL: "true", KAFKA_SSL_CA: ca, KAFKA_SSL_CERT: ca, KAFKA_SSL_KEY: key },
      KAFKA_SSL_SERVER_NAME: "kafka.internal",
      ...{ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "ann", KAFKA_SASL_PASSWORD: "ann" },
      ...more,
    });
  const { health } = createObservability();
  // Somebody waits for Kafka: what waiting does not mend ends that all the same.
  const open = (more: Record<string, string>) =>
    openRuntime(configOf(more), { applicationName: "test", health });
  const names = async (setting: string, more: Record<string, string>) => {
    const error = await assertRejects(() => open(more), Error, setting);
    assert(!error.message.includes("nope"), error.message);
  };
  await test.step("a wrong password, another mechanism", async () => {
    await names("KAFKA_SASL_PASSWORD", { KAFKA_SASL_PASSWORD: "nope" });
    await names("KAFKA_SASL_MECHANISM", { KAFKA_SASL_MECHANISM: "scram-sha-256" });
  });
  await test.step("a wrong password is said in the same words by whatever runs into it", async () => {
    const services = ownServices(configOf({ KAFKA_SASL_PASSWORD: "nope" }));
    assertExists(services);
    const client = createKafkaClient(services.kafka);
    const cluster = client.cluster();
    const said =
      "Kafka refused user and password: check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD";
    for (
      const step of [
        () => describeTopics(cluster, ["orders"]),
        () => openTransactor(client, "test", { transactionTimeoutMs: 10_000 }),
      ]
    ) {
      const { message } = await assertRejects(step, Error);
      assert(message.startsWith(said), message);
    }
    await cluster.disconnect();
  });
  await test.step("the doctor calls it wrong, and says what to set", async () => {
    for (const [setting, value] of [["PASSWORD", "nope"], ["MECHANISM", "scram-sha-256"]]) {
      const config = configOf({ [`KAFKA_SASL_${setting}`]: value ?? "" });
      const services = ownServices(config);
      assertExists(services);
      const sections = await examine(config, services, { timeoutMs: 20_000 });
      const wrong = sections.flatMap(({ findings }) => findings)
        .filter(({ standing }) => standing === "wrong");
      assertEquals(wrong.map(({ subject }) => subject), ["connection"]);
      assertStringIncludes(wrong[0]?.remedy ?? "", `KAFKA_SASL_${setting}`);
    }
  });
  await test.step("a certificate that is not there, and one that nobody vouches for", async () => {
    await names("KAFKA_SSL_CA", { KAFKA_SSL_CA: `${directory}/nobody.pem` });
    await assertRejects(
      () => openRuntime(configOf({ KAFKA_SSL_CA: "" }), { applicationName: "test" }),
      Error,
      "KAFKA_SSL_CA",
    );
  });
  const fails = (setting: string, more: Record<string, string>) =>
    assertRejects(() => openRuntime(configOf(more), { applicationName: "test" }), Error, setting);
  await test.step("no certificate where one is wanted, another name, and a listener without TLS", async () => {
    await fails("KAFKA_SSL_CERT", { KAFKA_SSL_CERT: "", KAFKA_SSL_KEY: "" });
    await fails("KAFKA_SSL_SERVER_NAME", { KAFKA_SSL_SERVER_NAME: "other.internal" });
    await fails("KAFKA_SSL", { KAFKA_BROKERS: `127.0.0.1:${broker.port}` });
  });
  await test.step("a token of an endpoint logs in, and one that is refused names the settings", async () => {
    const oauth = {
      ...{ KAFKA_SASL_MECHANISM: "oauthbearer", KAFKA_SASL_USERNAME: "", KAFKA_SASL_PASSWORD: "" },
      KAFKA_OAUTH_TOKEN_ENDPOINT: `${endpoint.url}/token`,
      ...{ KAFKA_OAUTH_CLIENT_ID: "ann", KAFKA_OAUTH_CLIENT_SECRET: "a secret" },
    };
    await names("KAFKA_OAUTH_CLIENT_SECRET", { ...oauth, KAFKA_OAUTH_CLIENT_SECRET: "nope" });
    await fails("KAFKA_OAUTH_TOKEN_ENDPOINT", {
      ...oauth,
      KAFKA_OAUTH_TOKEN_ENDPOINT: "http://127.0.0.1:1/token",
    });
    await using runtime = await open(oauth);
    const { config, services } = runtime;
    await using _reader = await openReader(config, services, new AbortController().signal);
  });
  await using runtime = await open({});
  await test.step("the checker's own client", async () => {
    const { config, services } = runtime;
    await using _reader = await openReader(config, services, new AbortController().signal);
  });
  await test.step("a session that the brokers find too long halts the roles of groups, too few brokers for the transactions are said", async () => {
    const stop = new AbortController();
    const working = runWorker(runtime, {
      ...{ roles: ["relay", "projector"], guarantee: "exactly-once", health },
    }, stop.signal);
    const saidOf = (name: string) => () => {
      const check = health.ready().checks.find((one) => one.name === name && !one.ok);
      return Promise.resolve(check?.detail);
    };
    const halted = await waitFor(saidOf("role:projector"), { waitMsMax: 60_000 });
    assertStringIncludes(halted ?? "", "SESSION_TIMEOUT_MS");
    assertStringIncludes(halted ?? "", "group.max.session.timeout.ms");
    const relay = await waitFor(saidOf("relay:0"), { waitMsMax: 60_000 });
    assertStringIncludes(relay ?? "", "__transaction_state");
    assertStringIncludes(relay ?? "", "transaction.state.log.replication.factor");
    stop.abort();
    await assertRejects(() => working, Error, "SESSION_TIMEOUT_MS");
  });
});

/** An endpoint that gives signed tokens for one secret, and the key to check them with. */
function tokenEndpoint() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const give = async (request: Request) => {
    if (new URL(request.url).pathname === "/keys") {
      const key = { ...publicKey.export({ format: "jwk" }), kid: "one", alg: "RS256", use: "sig" };
      return Response.json({ keys: [key] });
    }
    const isRight = request.headers.get("authorization") === `Basic ${btoa("ann:a+secret")}`;
    if (!isRight || !(await request.text()).includes("grant_type=client_credentials")) {
      return Response.json({ error: "invalid_client" }, { status: 401 });
    }
    const now = Math.floor(Date.now() / 1_000);
    const parts = [{ alg: "RS256", kid: "one" }, { sub: "ann", iat: now, exp: now + 600 }];
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    const signature = sign("sha256", Buffer.from(text), privateKey).toString("base64url");
    return Response.json({ access_token: `${text}.${signature}`, expires_in: 600 });
  };
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(options, give);
  const url = `http://127.0.0.1:${server.addr.port}`;
  const security = "org.apache.kafka.common.security.oauthbearer";
  const listener = "listener.name.users.oauthbearer.sasl";
  return {
    url,
    brokerSettings: {
      "sasl.oauthbearer.jwks.endpoint.url": `${url}/keys`,
      [`${listener}.jaas.config`]: `${security}.OAuthBearerLoginModule required;`,
      [`${listener}.server.callback.handler.class`]:
        `${security}.OAuthBearerValidatorCallbackHandler`,
    },
    /** Since Kafka 4 the JVM must be told where keys may come from. */
    jvm: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${url}/keys`],
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A key for 127.0.0.1 that vouches for itself, made by Java's own tool. */
async function makeKey(directory: string) {
  const keystore = { file: `${directory}/key.p12`, password: "changeit" };
  const ca = `${directory}/ca.pem`;
  const keytool = async (...args: string[]) => {
    const store = ["-keystore", keystore.file, "-storepass", keystore.password, "-alias", "broker"];
    const { success, stdout } = await new Deno.Command("java", {
      args: ["-m", "java.base/sun.security.tools.keytool.Main", ...args, ...store],
    }).output();
    assert(success, new TextDecoder().decode(stdout));
  };
  const name = ["-dname", "CN=broker", "-ext", "san=ip:127.0.0.1,dns:kafka.internal"];
  await keytool("-genkeypair", "-keyalg", "EC", ...name, "-validity", "3650");
  await keytool("-exportcert", "-rfc", "-file", ca);
  const program = `${directory}/ExportKey.java`;
  await Deno.writeTextFile(program, exportKey);
  const { stdout } = await new Deno.Command("java", {
    args: [program, keystore.file, keystore.password, "broker"],
  }).output();
  const key = `${directory}/key.pem`;
  await Deno.writeFile(key, stdout);
  return { keystore, ca, key };
}

/** keytool writes no private key. */
const exportKey = `
import java.io.File;
import java.security.KeyStore;
import java.util.Base64;

class ExportKey {
  public static void main(String[] args) throws Exception {
    char[] password = args[1].toCharArray();
    byte[] key = KeyStore.getInstance(new File(args[0]), password).getKey(args[2], password).getEncoded();
    String text = Base64.getMimeEncoder(64, new byte[] {'\\n'}).encodeToString(key);
    System.out.print("-----BEGIN PRIVATE KEY-----\\n" + text + "\\n-----END PRIVATE KEY-----\\n");
  }
}
`;
