import { readConfig, Secret, settingNames } from "../../src/config.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const root = new URL("../../", import.meta.url);

/** What commander, kafkajs, the Postgres driver and Deno itself look up; none is a setting of ours. */
const readByLibraries = [
  "KAFKAJS_*",
  "CLICOLOR_FORCE",
  "NODE_ENV",
  "NODE_V8_COVERAGE",
  "PGAPPNAME",
  "PGTARGETSESSIONATTRS",
  "OTEL_*",
];

Deno.test("without settings everything has its default, and the embedded stack is meant", () => {
  const config = readConfig({});
  assertEquals([config.KAFKA_BROKERS, config.DATABASE_URL], [undefined, undefined]);
  assertEquals([config.HTTP_HOST, config.HTTP_PORT], ["127.0.0.1", 8080]);
  assertEquals(config.GUARANTEE, "exactly-once");
});

Deno.test("a namespace is before every name that is not said, and under the default nothing changes", () => {
  const topics = (variables: Record<string, string>) => {
    const config = readConfig(variables);
    return [
      ...[config.ORDERS_TOPIC, config.INVOICES_TOPIC],
      ...[config.DEAD_LETTERS_TOPIC, config.OUTBOX_CURSOR_TOPIC],
    ];
  };
  assertEquals(topics({}), ["orders", "invoices", "orders.DLQ", "onceflow.outbox-cursor"]);
  assertEquals(
    topics({ NAMESPACE: "staging", INVOICES_TOPIC: "bills" }),
    ["staging.orders", "bills", "staging.orders.DLQ", "staging.outbox-cursor"],
  );
  assertThrows(() => readConfig({ NAMESPACE: "a b" }), Error, "NAMESPACE");
});

Deno.test("wrong settings are named, all at once", () => {
  const wrong = {
    HTTP_PORT: "70000",
    GUARANTEE: "maybe",
    KAFKA_BROKERS: "localhost:9092",
    KAFKA_SASL_MECHANISM: "plain",
    BATCH_RECORDS_MAX: "many",
  };
  const error = assertThrows(() => readConfig(wrong), Error, "Wrong settings");
  for (const name of ["HTTP_PORT", "GUARANTEE", "BATCH_RECORDS_MAX"]) {
    assertStringIncludes(error.message, name);
  }
  assertThrows(() => readConfig({ KAFKA_BROKERS: "a:1" }), Error, "DATABASE_URL");
  assertThrows(() => readConfig({ STACK_KAFKA_PORT: "15432" }), Error, "STACK_POSTGRES_PORT");
});

Deno.test("API token that no Authorization header could carry is refused, unseen", () => {
  for (const API_TOKEN of ["two words", "naïve", "a=b"]) {
    const error = assertThrows(() => readConfig({ API_TOKEN }), Error, "API_TOKEN");
    assertEquals(error.message.includes(API_TOKEN), false);
  }
  assertEquals(readConfig({ API_TOKEN: "s3cret+/~.-_==" }).API_TOKEN?.reveal(), "s3cret+/~.-_==");
});

Deno.test("secrets do not show", () => {
  const url = "postgres://ada:hunter2@db/onceflow";
  const config = readConfig({ KAFKA_BROKERS: "a:1", DATABASE_URL: url, API_TOKEN: "hunter2" });
  for (const shown of [JSON.stringify(config), Deno.inspect(config), `${config.API_TOKEN}`]) {
    assertEquals(shown.includes("hunter2"), false, shown);
  }
  assertEquals(config.DATABASE_URL?.reveal(), url);
  assertEquals(String(new Secret("x")), "[redacted]");
});

Deno.test(".env.example and the tasks' permissions name every setting", async () => {
  const example = await Deno.readTextFile(new URL(".env.example", root));
  const listed = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
  assertEquals(listed.toSorted(), [...settingNames].toSorted());
  const { permissions } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const { env } = permissions.onceflow;
  assertEquals(settingNames.filter((name) => !env.includes(name)), []);
  assertEquals(env.filter((name: string) => !settingNames.includes(name)), readByLibraries);
});
