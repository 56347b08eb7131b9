import { clientProperties } from "../../src/tools/verify/client_properties.ts";
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
