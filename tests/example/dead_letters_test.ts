/** Records that cannot be processed go to the dead letters, bytes untouched, and the rest goes on. */
import { z } from "zod";
import { defineFlow, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { assertEquals } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

Deno.test("poison goes to the dead letters at once, with where it came from and why", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "invoices");
  const read = z.object({ order_id: z.string(), currency: z.string() });
  const out = topic(outTopic, { read, key: (event) => event.order_id });
  const flow = defineFlow({
    name: `poison-${source}`,
    from: topic(source, { read, key: (event) => event.order_id }),
    to: [out],
    transform(event) {
      if (event.currency !== "USD") throw new PoisonError(`no rate for ${event.currency}`);
      return out.event(event);
    },
  });
  const broken = {
    ...record(source, 0, "broken", ""),
    value: Uint8Array.of(0xff, 0x00, 0x7b),
    headers: [["trace", Uint8Array.of(1, 2, 3)], ["trace", null]] as const,
  };

  await produce(client, [
    broken,
    record(source, 0, "x", { order_id: "x" }),
    record(source, 0, "y", { order_id: "y", currency: "ZZZ" }),
    record(source, 0, "z", { order_id: "z", currency: "USD" }),
  ]);
  const totals = await runUntil(client, flow, ({ records }) => records === 4);

  assertEquals(totals.retries, 0);
  assertEquals(jsons(await readPartition(client, outTopic)), [{ order_id: "z", currency: "USD" }]);
  const dead = await readPartition(client, flow.deadLetters);
  assertEquals(dead.map(({ headers }) => headerText(headers, "x-original-offset")), [
    "0",
    "1",
    "2",
  ]);
  assertEquals(dead[0]?.value, broken.value);
  assertEquals(dead[0]?.headers.slice(0, 2).map(([name, bytes]) => [name, bytes && [...bytes]]), [
    ["trace", [1, 2, 3]],
    ["trace", null],
  ]);
  const facts = dead[2]?.headers ?? [];
  assertEquals(headerText(facts, "x-error"), "no rate for ZZZ");
  assertEquals(headerText(facts, "x-error-class"), "PoisonError");
  assertEquals(headerText(facts, "x-attempts"), "1");
  assertEquals(headerText(facts, "x-original-topic"), source);
  assertEquals(headerText(facts, "x-original-partition"), "0");
  assertEquals(headerText(facts, "x-consumer-group"), flow.groupId);
  assertEquals(headerText(facts, "kafka_dlt-original-topic"), source);
  const offset = facts.find(([name]) => name === "kafka_dlt-original-offset")?.[1];
  assertEquals(offset && [...offset], [0, 0, 0, 0, 0, 0, 0, 2]);
});
