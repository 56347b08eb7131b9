/** A flow with `park: "key"` on real Kafka, unparked with the tools that an operator has. */
import { z } from "zod";
import { defineFlow, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { listDeadLetters } from "../../src/engine/dead_letters/list_dead_letters.ts";
import { listParkedKeys } from "../../src/engine/dead_letters/load_parked_keys.ts";
import { openDeadLetterStore } from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { unpark } from "../../src/engine/dead_letters/unpark.ts";
import type { TransactionStep } from "../../src/engine/kafka/transactor.ts";
import { assertEquals, assertExists } from "../support/assert.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

for (const dies of [false, true]) {
  const how = dies ? "whose commits fail now and then" : "at work";
  Deno.test(`a flow ${how} parks the key of a dead letter, and unpark restores its order`, async () => {
    const client = await testClient();
    const [source = "", outTopic = ""] = await freshTopics(client, 1, "orders", "out");
    const read = z.object({ id: z.string(), n: z.number() });
    const out = topic(outTopic, { read, key: (event) => event.id });
    let mended = false;
    const flow = defineFlow({
      name: `park-${source}`,
      from: topic(source, { read, key: (event) => event.id }),
      to: [out],
      park: "key",
      transform(event) {
        if (!mended && event.id === "a" && event.n === 1) throw new PoisonError("not yet");
        return out.event(event);
      },
    });
    const dlq = flow.deadLetters;
    const place = (...ns: number[]) =>
      produce(
        client,
        ns.flatMap((n) => ["a", "b"].map((id) => record(source, 0, id, { id, n }))),
      );
    let commits = 0;
    const onStep = (step: TransactionStep) => {
      if (dies && step === "before-end-txn" && ++commits % 3 === 0) throw new Error("lost");
    };
    const bounds = { batchRecordsMax: 2 };
    await place(0, 1, 2, 3);
    await runUntil(client, flow, ({ records }) => records === 8, bounds, { onStep });

    await using store = openDeadLetterStore(client, { topic: dlq, transactionTimeoutMs: 10_000 });
    const letters = await listDeadLetters(store, { limit: 9, order: "oldest" });
    assertEquals(letters.map(({ errorClass }) => errorClass), [
      "PoisonError",
      "ParkedKeyError",
      "ParkedKeyError",
    ]);
    const keys = await listParkedKeys(store.log, { toHighWatermark: true });
    const parked = keys.find(({ topic }) => topic === source);
    assertExists(parked);

    mended = true;
    const sent = await unpark(store, parked, { waitMsMax: 0 });
    assertEquals(sent.redriven, 3);
    await place(4);
    await runUntil(client, flow, ({ records }) => records === 5, bounds, { onStep });
    const written = jsons(await readPartition(client, outTopic));
    for (const id of ["a", "b"]) {
      assertEquals(written.filter((event) => event.id === id).map(({ n }) => n), [0, 1, 2, 3, 4]);
    }
    const back = (await readPartition(client, source)).filter(({ headers }) =>
      headerText(headers, "x-redriven-from") !== undefined
    );
    assertEquals(back.length, 3);
  });
}
