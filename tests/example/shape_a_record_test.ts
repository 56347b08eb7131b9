/** Beside its event a record has key, headers, time and partition: a transform reads them, and says what it writes. */
import { z } from "zod";
import { bytesTopic, defineFlow, headerText, textTopic, topic } from "../../src/engine/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { freshTopics, produce, readPartition, record, testClient } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

Deno.test("a transform reads key, headers and time, and emits headers, bytes, a partition and a tombstone", async () => {
  const client = await testClient();
  const [linesTopic = "", stockTopic = "", copiesTopic = ""] = await freshTopics(
    client,
    2,
    "lines",
    "stock",
    "copies",
  );
  const lines = textTopic(linesTopic);
  const stock = topic(stockTopic, {
    read: z.object({ item: z.string(), count: z.int() }),
    key: ({ item }) => item,
  });
  const copies = bytesTopic(copiesTopic);
  const stocking = defineFlow({
    name: `stocking-${linesTopic}`,
    from: lines,
    to: [stock, copies],
    transform(line, { key, timestamp, header }) {
      const [item = "", count = ""] = line.split(" ");
      if (header("kind") === "comment") return;
      if (item === "wishes") return stock.tombstone(item, { timestamp: Date.UTC(3000, 0, 1) });
      if (count === "0") return stock.tombstone(item, { partition: 1 });
      return [
        stock.event({ item, count: Number(count) }, {
          ...{ partition: 1, timestamp },
          headers: { source: `line ${key}` },
        }),
        copies.event(new TextEncoder().encode(line), { key }),
      ];
    },
  });

  const comment = {
    ...record(linesTopic, 0, "3", "nuts 1"),
    headers: [["kind", bytes("comment")]] as const,
  };
  await produce(client, [
    { ...record(linesTopic, 0, "1", "nuts 12"), timestamp: Date.UTC(2026, 0, 1) },
    record(linesTopic, 0, "2", "bolts 0"),
    comment,
    record(linesTopic, 0, "4", "wishes 1"),
  ]);
  await runUntil(client, stocking, ({ records }) => records === 4, { topicPartitions: 1 });

  const [nuts, bolts, ...more] = await readPartition(client, stockTopic, 1);
  assertEquals(text(nuts?.value), '{"item":"nuts","count":12}');
  assertEquals(headerText(nuts?.headers ?? [], "source"), "line 1");
  assertEquals(nuts?.timestamp, Date.UTC(2026, 0, 1));
  assertEquals([text(bolts?.key), bolts?.value, more], ["bolts", null, []]);
  const copied = [
    await readPartition(client, copiesTopic, 0),
    await readPartition(client, copiesTopic, 1),
  ];
  assertEquals(copied.flat().map(({ key, value }) => [text(key), text(value)]), [["1", "nuts 12"]]);

  // No broker would take it: the record that it comes of is a dead letter, and holds up nobody.
  const [letter] = await readPartition(client, stocking.deadLetters, 0);
  assertEquals(text(letter?.value), "wishes 1");
  assertEquals(headerText(letter?.headers ?? [], "x-error-class"), "InvalidTimestampError");
});

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array | null | undefined) => bytes && new TextDecoder().decode(bytes);
