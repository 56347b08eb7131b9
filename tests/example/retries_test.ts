/** A record that fails for a moment is tried again with backoff; when its retries run out it is a dead letter. */
import { z } from "zod";
import { defineFlow, headerText, topic, TransientError } from "../../src/engine/mod.ts";
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

Deno.test("a transient failure is retried, and given up after the last retry", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "calls", "answers");
  const read = z.object({ id: z.string(), failures: z.int() });
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: `retries-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    retry: { retriesMax: 3, backoffMs: 20 },
    transform(event, { attempt }) {
      if (attempt <= event.failures) throw new TransientError(`try ${attempt} timed out`);
      return out.event(event);
    },
  });

  await produce(client, [
    record(source, 0, "twice", { id: "twice", failures: 2 }),
    record(source, 0, "always", { id: "always", failures: 99 }),
    record(source, 0, "never", { id: "never", failures: 0 }),
  ]);
  const totals = await runUntil(client, flow, ({ records }) => records === 3);

  assertEquals(totals.retries, 2 + 3);
  const done = jsons(await readPartition(client, outTopic));
  assertEquals(done.map(({ id }) => id), ["twice", "never"]);
  const [dead] = await readPartition(client, flow.deadLetters);
  assertEquals(headerText(dead?.headers ?? [], "x-attempts"), "4");
  assertEquals(headerText(dead?.headers ?? [], "x-error"), "try 4 timed out");
});

Deno.test("row 17: a TypeError in a transform is a failure of that record, not of the worker", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 1, "calls", "answers");
  const read = z.object({ id: z.string() });
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: `bug-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    retry: { retriesMax: 1, backoffMs: 5 },
    transform(event) {
      if (event.id === "bug") throw new TypeError("undefined is not a function");
      return out.event(event);
    },
  });
  await produce(client, [
    record(source, 0, "bug", { id: "bug" }),
    record(source, 0, "fine", { id: "fine" }),
  ]);
  await runUntil(client, flow, ({ records }) => records === 2);
  assertEquals(jsons(await readPartition(client, outTopic)), [{ id: "fine" }]);
  const [dead] = await readPartition(client, flow.deadLetters);
  assertEquals(headerText(dead?.headers ?? [], "x-error-class"), "TypeError");
});
