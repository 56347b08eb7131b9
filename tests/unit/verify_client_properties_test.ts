import { clientProperties, javaOptions } from "../../src/tools/verify/client_properties.ts";
import { assertEquals } from "../support/assert.ts";

function parsed(text: string): Record<string, string> {
  return Object.fromEntries(
    text.trim().split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

Deno.test("a plain cluster needs brokers and no security", () => {
  const properties = parsed(clientProperties({ brokers: ["a:1", "b:2"], ssl: false }, 5_000));
  assertEquals(properties["bootstrap.servers"], "a:1,b:2");
  assertEquals(properties["security.protocol"], "PLAINTEXT");
  assertEquals(properties["sasl.jaas.config"], undefined);
});

Deno.test("a password keeps its quotes and backslashes through JAAS and through the properties format", () => {
  const sasl = { mechanism: "scram-sha-512", username: "u", password: 'p"a\\ß' } as const;
  const properties = parsed(clientProperties({ brokers: ["a:1"], ssl: true, sasl }, 5_000));
  assertEquals(properties["security.protocol"], "SASL_SSL");
  assertEquals(properties["sasl.mechanism"], "SCRAM-SHA-512");
  assertEquals(
    properties["sasl.jaas.config"],
    "org.apache.kafka.common.security.scram.ScramLoginModule required " +
      String.raw`username="u" password="p\\"a\\\\\u00df";`,
  );
});

Deno.test("a certificate of our own and another server name reach Java, with newlines kept", () => {
  const ssl = { cert: "-----C\nc\n", key: "-----K\nk\n", serverName: "kafka" };
  const properties = parsed(clientProperties({ brokers: ["a:1"], ssl }, 5_000));
  assertEquals(properties["security.protocol"], "SSL");
  assertEquals(properties["ssl.keystore.key"], String.raw`-----K\u000ak`);
  assertEquals(properties["ssl.keystore.certificate.chain"], String.raw`-----C\u000ac`);
  assertEquals(properties["ssl.endpoint.identification.algorithm"], "");
  assertEquals("ssl.truststore.type" in properties, false);
});

Deno.test("Java gets tokens where we do, and may do so", () => {
  const tokenEndpoint = "https://login.example.com/token";
  const secret = { clientId: "ann", clientSecret: 's"e' };
  const sasl = { mechanism: "oauthbearer", tokenEndpoint, ...secret } as const;
  const connection = { brokers: ["a:1"], ssl: true, sasl };
  const properties = parsed(clientProperties(connection, 5_000));
  assertEquals(properties["sasl.mechanism"], "OAUTHBEARER");
  assertEquals(properties["sasl.oauthbearer.token.endpoint.url"], tokenEndpoint);
  assertEquals(
    properties["sasl.jaas.config"],
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required " +
      String.raw`clientId="ann" clientSecret="s\\"e";`,
  );
  assertEquals(
    javaOptions(connection).some((option) => option.endsWith(`.urls=${tokenEndpoint}`)),
    true,
  );
  assertEquals(javaOptions({ brokers: ["a:1"], ssl: true }), []);
});
