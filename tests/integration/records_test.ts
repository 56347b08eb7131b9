/** `records` as a newcomer types it: lines go in by their key, and what is committed comes out, harmless for a terminal. */
import { Kafka, logLevel } from "kafkajs";
import { recordsCommand } from "../../src/cli/records.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { linesOf } from "../../src/tools/records/lines_of.ts";
import { readRecords } from "../../src/tools/records/read_records.ts";
import { LineError, writeRecords } from "../../src/tools/records/write_records.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { documentIn } from "../support/json_document.ts";
import { freshTopics, settled, testClient } from "../support/kafka.ts";
import { root, services } from "../support/services.ts";

Deno.test("records writes lines of JSON by key, and reads what is committed", async () => {
  const client = await testClient();
  const [topic = ""] = await freshTopics(client, 3, "records");
  const lines = [`{"id":"a","n":1}`, "", `{"id":"b","n":"\u2028"}`, `{"id":"a","n":2}`, `{"id":7}`];

  const written = await writeByCommand(topic, lines.join("\r\n"));
  assertEquals(written, `Written to ${topic}: 4 record(s).\n`);
  await abortOne(topic);
  await settled(client, [topic]);

  const all = documentIn(await records(client, ["read", topic, "--json"])) as Found;
  assertEquals([all.topic, all.more], [topic, false]);
  const of = (key: string) => all.records.filter((one) => one.key.text === key);
  assertEquals(of("a").map(({ value }) => value.text), [`{"id":"a","n":1}`, `{"id":"a","n":2}`]);
  assertEquals(of("b").map(({ value }) => value.text), [`{"id":"b","n":"\u2028"}`]);
  assertEquals(of("7").length, 1);
  assertEquals(new Set(of("a").map(({ partition }) => partition)).size, 1);

  const some = documentIn(await records(client, ["read", topic, "--max", "3", "--json"])) as Found;
  assertEquals([some.records.length, some.more], [3, true]);
  const text = await records(client, ["read", topic]);
  assertStringIncludes(text, 'key a  {"id":"a","n":1}');
  assertEquals([text.split("\n").length, text.includes("\u2028")], [4, false]);

  const bad = () => records(client, ["write", topic, "--key", "id"], `{"id":"c"}\n{"no":1}\n`);
  const { message } = await assertRejects(bad, LineError, "Line 2 is no JSON object");
  assertStringIncludes(message, "1 record(s) before it were written");
});

/** Writes a record that nobody who reads committed ones may see. */
async function abortOne(topic: string): Promise<void> {
  const { kafkaBrokers: brokers } = await services();
  const producer = new Kafka({ brokers, logLevel: logLevel.NOTHING })
    .producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ partition: 0, key: "a", value: "aborted" }] });
  await transaction.abort();
  await producer.disconnect();
}

interface Found {
  readonly topic: string;
  readonly more: boolean;
  readonly records: readonly {
    readonly partition: number;
    readonly key: { readonly text: string };
    readonly value: { readonly text: string };
  }[];
}

/** As main.ts wires it, on the tests' Kafka. */
async function records(client: KafkaClient, args: readonly string[], input = "") {
  const command = recordsCommand({
    async read(topic, recordsMax) {
      const found = readRecords(client, topic, AbortSignal.timeout(60_000));
      return (await Array.fromAsync(found)).slice(0, recordsMax);
    },
    write: (options) => writeRecords(client, linesOf(new Blob([input]).stream()), options),
  });
  const { log } = console;
  const printed: string[] = [];
  console.log = (text: string) => void printed.push(text);
  try {
    await command.parseAsync(args, { from: "user" });
  } finally {
    console.log = log;
  }
  return printed.join("\n");
}

/** With the permissions of its task, and standard input. */
async function writeByCommand(topic: string, input: string): Promise<string> {
  const { kafkaBrokers, databaseUrl } = await services();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check", "-P=worker", "main.ts"],
      ...["records", "write", topic, "--key", "id"],
    ],
    env: { KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: databaseUrl },
    ...{ cwd: root, stdin: "piped", stdout: "piped" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}
