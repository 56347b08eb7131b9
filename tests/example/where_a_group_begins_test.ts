/** A group that has committed nothing begins where its flow says: here at a time, or where a person decides. */
import { defineFlow, HaltError, type StartFrom, textTopic } from "../../src/engine/mod.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import {
  freshTopics,
  produce,
  readPartition,
  record,
  testClient,
  texts,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

Deno.test("a group begins at a time, or halts until a person has decided", async () => {
  const client = await testClient();
  const [source = "", target = ""] = await freshTopics(client, 1, "readings", "copies");
  const copies = textTopic(target);
  const copying = (startFrom: StartFrom) =>
    defineFlow({
      name: `copying-${source}`,
      groupId: `copiers of ${source}`,
      startFrom,
      from: textTopic(source),
      to: [copies],
      transform: (text) => copies.event(text),
    });
  const at = (day: number) => new Date(Date.UTC(2026, 0, day));
  await produce(
    client,
    [1, 2, 3].map((day) => ({
      ...record(source, 0, "k", `day ${day}`),
      timestamp: at(day).getTime(),
    })),
  );

  const halted = () => runUntil(client, copying("halt"), () => true);
  const { message } = await assertRejects(halted, HaltError);
  assertStringIncludes(message, `offsets set --group 'copiers of ${source}' --topic ${source}`);

  const dated = copying({ timestamp: at(2) });
  await runUntil(client, dated, ({ records }) => records === 2, {
    guarantee: "at-least-once",
    topicPartitions: 1,
  });
  assertEquals(texts(await readPartition(client, target)), ["day 2", "day 3"]);
});
