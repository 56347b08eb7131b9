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

Deno.test("a number is decimal digits and nothing else: what a slip makes is refused with the bounds", () => {
  for (
    const text of [
      "0x10",
      " 5 ",
      "1e3",
      "+5",
      "٣",
      "-1",
      "5.0",
      "5_000",
      "5\n",
      "0b11",
      "NaN",
      "Infinity",
    ]
  ) {
    const error = assertThrows(() => readConfig({ BATCH_RECORDS_MAX: text }), Error, "Wrong");
    assertStringIncludes(
      error.message,
      "BATCH_RECORDS_MAX: must be a whole number from 1 to 100000",
    );
  }
  assertEquals(readConfig({ BATCH_RECORDS_MAX: "100000" }).BATCH_RECORDS_MAX, 100_000);
  assertEquals(readConfig({ TOPIC_REPLICATION_FACTOR: "-1" }).TOPIC_REPLICATION_FACTOR, -1);
  assertEquals(readConfig({ DEAD_LETTERS_RETENTION_HOURS: "7" }).DEAD_LETTERS_RETENTION_HOURS, 7);
});

Deno.test("API token that no Authorization header could carry is refused, unseen", () => {
  const long = "x".repeat(32);
  for (const API_TOKEN of [`two words ${long}`, `naïve${long}`, `a=b${long}`, long.slice(1)]) {
    const error = assertThrows(() => readConfig({ API_TOKEN }), Error, "API_TOKEN");
    assertEquals(error.message.includes(API_TOKEN), false);
  }
  assertEquals(readConfig({ API_TOKEN: `${long}+/~.-_==` }).API_TOKEN?.reveal(), `${long}+/~.-_==`);
});

Deno.test("tokens are named, have rights, and are found beside the one of API_TOKEN", () => {
  const [one, two, all] = ["1", "2", "3"].map((digit) => digit.repeat(32));
  const { API_TOKENS } = readConfig({
    API_TOKEN: all,
    API_TOKENS: `shop:place+read:${one},\n# scrapes\nprometheus:metrics:${two}\n`,
  });
  assertEquals(API_TOKENS.map(({ name, rights, token }) => [name, [...rights], token.reveal()]), [
    ["default", ["place", "read", "operate", "metrics"], all],
    ["shop", ["place", "read"], one],
    ["prometheus", ["metrics"], two],
  ]);
});

Deno.test("tokens that are wrong are named by their place, and never shown", () => {
  const token = "hunter2".repeat(6);
  for (
    const API_TOKENS of [
      token,
      `shop:${token}`,
      `shop:write:${token}`,
      `shop:place+place:${token}`,
      `SHOP:all:${token}`,
      `shop:all:${token.slice(0, 31)}`,
      `shop:all:${token}:x`,
      `shop:all:${token},other:all:${token}`,
    ]
  ) {
    const error = assertThrows(() => readConfig({ API_TOKENS }), Error, "API_TOKENS: ");
    assertEquals(error.message.includes("hunter2"), false, error.message);
  }
});

Deno.test("a secret comes from a file, to the last space and without the line's end", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, " with spaces \n");
    const given = {
      ...{ KAFKA_BROKERS: "a:1", DATABASE_URL: "postgres://db/onceflow" },
      ...{ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "ada" },
    };
    const config = readConfig({ ...given, KAFKA_SASL_PASSWORD_FILE: file });
    assertEquals(config.KAFKA_SASL_PASSWORD?.reveal(), " with spaces ");
    const both = { ...given, KAFKA_SASL_PASSWORD: "x", KAFKA_SASL_PASSWORD_FILE: file };
    assertThrows(() => readConfig(both), Error, "set only one of them");
    const missing = { ...given, KAFKA_SASL_PASSWORD_FILE: `${file}.none` };
    assertThrows(() => readConfig(missing), Error, `KAFKA_SASL_PASSWORD_FILE: cannot read ${file}`);
    assertEquals(
      readConfig({ ...given, KAFKA_SASL_PASSWORD: " p " }).KAFKA_SASL_PASSWORD?.reveal(),
      " p ",
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("secrets do not show", () => {
  const url = "postgres://ada:hunter2@db/onceflow";
  const config = readConfig({
    KAFKA_BROKERS: "a:1",
    DATABASE_URL: url,
    API_TOKEN: "hunter2".repeat(5),
  });
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
  for (const role of ["serve", "worker", "verify", "onceflow"]) {
    const { env } = permissions[role];
    assertEquals(settingNames.filter((name) => !env.includes(name)), [], role);
    assertEquals(env.filter((name: string) => !settingNames.includes(name)), readByLibraries, role);
  }
  for (const role of ["serve", "worker"]) {
    const { net: _, env: __, ...more } = permissions[role];
    assertEquals(more, { read: [".", "/run/secrets"] }, "the network, its environment, its files");
  }
});

Deno.test("a broker is an address with a port", () => {
  const both = { DATABASE_URL: "postgres://db/onceflow" };
  for (const KAFKA_BROKERS of ["localhost", "a:1,b", "a:0", "a:99999", "PLAINTEXT://a:1"]) {
    assertThrows(() => readConfig({ ...both, KAFKA_BROKERS }), Error, "host:port");
  }
  const { KAFKA_BROKERS } = readConfig({ ...both, KAFKA_BROKERS: "a.b-c:1, [::1]:9092" });
  assertEquals(KAFKA_BROKERS, ["a.b-c:1", "[::1]:9092"]);
});
