/** Redriving dead letters on real Kafka: once each, unaltered, whatever is interrupted. */
import { listDeadLetters } from "../../src/dead_letters/list_dead_letters.ts";
import { redriveDeadLetters } from "../../src/dead_letters/redrive.ts";
import type { TransactionStep } from "../../src/kafka/transactor.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { deadLetterTopics, header, headerTexts, valueText } from "./dead_letters_setup.ts";

Deno.test("redrive sends every dead letter back to its partition, bytes unaltered", async () => {
  const topics = await deadLetterTopics();
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  await topics.fail(
    { key: "a", value: bytes, partition: 1, headers: [header("x-error", "its own"), ["n", null]] },
    { key: null, value: null, partition: 0 },
  );
  await using store = topics.open();
  const report = await redriveDeadLetters(store);

  const [first, second] = await topics.read(topics.input);
  assertEquals(report, { redriven: 2, skipped: 0, byTopic: { [topics.input]: 2 } });
  assertEquals([first?.partition, first?.key, first?.value], [0, null, null]);
  assertEquals([second?.partition, second?.value], [1, bytes]);
  assertEquals(second && headerTexts(second), [
    "x-error=its own",
    "n=null",
    `x-redriven-from=${topics.dlq}/1/0`,
  ]);
});

Deno.test("redrive run twice does nothing the second time", async () => {
  const topics = await deadLetterTopics();
  await topics.fail({ key: "a", value: "1" }, { key: "b", value: "2", partition: 1 });
  await using store = topics.open();
  await redriveDeadLetters(store);
  assertEquals((await redriveDeadLetters(store)).redriven, 0);
  assertEquals((await topics.read(topics.input)).length, 2);
  assertEquals((await listDeadLetters(store, { limit: 10, pending: true })).length, 0);
});

const steps: TransactionStep[] = [
  "after-init-producer-id",
  "before-send",
  "after-send",
  "before-end-txn",
  "after-commit",
];
for (const selected of [false, true]) {
  for (const step of steps) {
    const what = selected ? "a redrive of selected records" : "a redrive of all";
    Deno.test(`${what} that dies at ${step} and is run again doubles nothing`, async () => {
      const topics = await deadLetterTopics();
      await topics.fail(...["1", "2", "3", "4", "5"].map((value) => ({ key: "a", value })));
      const options = {
        batchRecordsMax: 2,
        ...(selected && { key: new TextEncoder().encode("a") }),
      };
      let calls = 0;
      const dying = new AbortController();
      {
        await using store = topics.open({
          onStep(at) {
            // In the second transaction, so that there is something before it.
            if (at !== step || ++calls < (step === "after-init-producer-id" ? 1 : 2)) return;
            dying.abort(new Error("killed"));
            throw new Error("killed");
          },
        });
        await assertRejects(() => redriveDeadLetters(store, options, dying.signal), Error);
      }
      await using store = topics.open();
      await redriveDeadLetters(store, options);
      const values = (await topics.read(topics.input)).map(valueText);
      assertEquals(values, ["1", "2", "3", "4", "5"]);
    });
  }
}

Deno.test("a redrive whose answer is lost looks up the outcome and goes on", async () => {
  const topics = await deadLetterTopics();
  await topics.fail(...["1", "2", "3", "4", "5"].map((value) => ({ key: "a", value })));
  for (const step of ["before-end-txn", "after-commit"] as const) {
    let calls = 0;
    await using store = topics.open({
      onStep(at) {
        if (at === step && ++calls === 2) throw new Error("the answer is lost");
      },
    });
    const report = await redriveDeadLetters(store, {
      key: new TextEncoder().encode("a"),
      batchRecordsMax: 2,
      again: true,
    });
    assertEquals([report.redriven, report.skipped], [5, 0]);
  }
  const values = (await topics.read(topics.input)).map(valueText);
  assertEquals(values, ["1", "2", "3", "4", "5", "1", "2", "3", "4", "5"]);
});
