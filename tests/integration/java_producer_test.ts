/** What Kafka's own Java client writes, in each of its ways, as flow and projector read it. */
import { createHash } from "node:crypto";
import { projectPartition } from "../../src/engine/projection/project_partition.ts";
import { defineProjection } from "../../src/engine/projection/mod.ts";
import { headerText, type InputRecord } from "../../src/engine/core/record.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { openPartitionReader } from "../../src/engine/kafka/open_partition_reader.ts";
import { bytesTopic, defineFlow } from "../../src/engine/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { readPartition, testClient, uniqueName } from "../support/kafka.ts";
import { testJars } from "../support/mutants/jars.ts";
import { runUntil } from "../support/run_until.ts";
import { root } from "../support/services.ts";
import { databaseWith } from "./projection_database.ts";

/** As a topic may be set up, which changes what lies in its log. */
const kinds: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  created: {},
  appended: { "message.timestamp.type": "LogAppendTime" },
  "packed-anew": { "compression.type": "lz4" },
};

Deno.test("all that Kafka's Java client writes is read by flow and projector, record by record", async () => {
  const client = await testClient();
  const topics = Object.keys(kinds).map(uniqueName);
  const plain = { partitions: 1, replicationFactor: 1 };
  await ensureTopics(
    client,
    Object.values(kinds).map((config, n) => ({ ...plain, topic: topics[n] ?? "", config })),
  );
  const sent = await produced(client.settings.brokers, topics);
  for (const topic of topics) {
    const wanted = sent.filter((line) => line.startsWith(`${topic}\t`));
    assert(wanted.length >= 40);
    assertEquals((await readPartition(client, topic)).map(described), wanted);
    // The others have the same content, in batches that the same code reads.
    if (topic !== topics[0]) continue;

    const [out, dlq] = [uniqueName("out"), uniqueName("dead")];
    await ensureTopics(client, [out, dlq].map((name) => ({ ...plain, topic: name })));
    const copies = bytesTopic(out);
    const flow = defineFlow<Uint8Array>({
      ...{ name: topic, from: bytesTopic(topic), to: [copies], deadLetters: dlq },
      transform: (value, { key, headers }) => copies.event(value, { key, headers }),
    });
    const isDone = ({ records }: { records: number }) => records === wanted.length;
    await runUntil(client, flow, isDone);
    const content = (line: string) => line.split("\t").slice(3).join("\t");
    const [values, tombstones] = partition(wanted, (line) => line.split("\t")[4] !== "-");
    assertEquals(
      (await readPartition(client, out)).map(described).map(content),
      values.map(content),
    );
    assertEquals(
      (await readPartition(client, dlq)).map(({ headers }) =>
        headerText(headers, "x-original-offset")
      ),
      tombstones.map((line) => line.split("\t")[1]),
    );

    assertEquals(await projected(topic, wanted.length), wanted);
  }
});

/** What counts of what was sent, a line each, in the order of the log. */
async function produced(brokers: readonly string[], topics: readonly string[]): Promise<string[]> {
  const source = `${root}tests/support/java/Produce.java`;
  const { success, stdout, stderr } = await new Deno.Command("java", {
    args: [
      "-Xmx256m",
      "-XX:TieredStopAtLevel=1",
      "-cp",
      `${await testJars()}/*`,
      source,
      brokers.join(","),
      ...topics,
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) => {
    const [topic, offset, time, key = "", value = "", headers] = line.split("\t");
    return [topic, offset, time, shortened(key), shortened(value), headers].join("\t");
  });
}

function described({ topic, offset, timestamp, key, value, headers }: InputRecord): string {
  const own = headers.map(([name, bytes]) => `${name}=${base64(bytes)}`).join(",");
  const [keyText, valueText] = [key, value].map((bytes) => shortened(base64(bytes)));
  return [topic, offset, timestamp, keyText, valueText, own].join("\t");
}

function base64(bytes: Uint8Array | string | null): string {
  if (bytes === null) return "-";
  return (typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes).toBase64();
}

/** A failure is to be read by people. */
function shortened(text: string): string {
  return text.length < 100 ? text : createHash("sha256").update(text).digest("hex");
}

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((one) => !belongs(one))];
}

/** The same lines by way of a read model of them. */
async function projected(topic: string, count: number): Promise<string[]> {
  const lines = defineProjection<{ readonly offset: number; readonly line: string }>({
    ...{ name: "lines", version: 1, topics: [topic] },
    tables: [{ name: "lines", ddl: (name) => `create table ${name} (at bigint, line text)` }],
    decode: (record) => ({ offset: record.offset, line: described(record) }),
    async apply(tx, events, table) {
      for (const { offset, line } of events) {
        await tx`insert into ${tx(table("lines"))} values (${offset}, ${line})`;
      }
    },
  });
  await using database = await databaseWith(lines);
  const client = await testClient();
  await using reader = await openPartitionReader(client, { topic, partition: 0 }, 0);
  const stop = new AbortController();
  let rows: { line: string }[] = [];
  await projectPartition({ reader, signal: stop.signal }, {
    ...{ sql: database.sql, projection: lines, dedupe: "position" },
    ...{
      bounds: { recordsMax: 100, bytesMax: 1_000_000 },
      backoff: { firstMs: 10, waitMsMax: 100 },
    },
    async onApplied() {
      rows = await database.sql`select line from lines order by at`;
      if (rows.length >= count) stop.abort();
    },
  });
  return rows.map(({ line }) => line);
}
