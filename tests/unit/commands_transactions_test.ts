/** What `worker transactions` shows of transactions that partitions hold open. */
import { transactionRow, transactionsText } from "../../src/cli/transactions_text.ts";
import { columnsOf } from "../../src/engine/dead_letters/fit_columns.ts";
import type { ExaminedTransaction } from "../../src/engine/kafka/examine_transactions.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

/** Kafka's time; this host's clock is a year ahead of it. */
const now = Date.now() - 365 * 24 * 60 * 60_000;
const day = 24 * 60 * 60_000;

/** One that was forgotten; its last record says that it is a day old, and the transaction began ten seconds ago. */
function forgotten(state: { readonly producerEpoch: number } | undefined): ExaminedTransaction {
  const part = {
    ...{ topic: "t".repeat(60), partition: 7, producerId: 1_004n, producerEpoch: 3 },
    ...{ coordinatorEpoch: 0, lastSequence: 9, lastTimestamp: now - day, startOffset: 8 },
  };
  return {
    ...{ part, transactionalId: "onceflow.redrive/orders.DLQ/0", protocol2: true },
    ...{
      kind: "forgotten",
      outcome: "commit",
      proof: `its marker at ${"o".repeat(60)}-0, offset 17`,
    },
    state: state && {
      ...{ errorCode: 0, transactionalId: "onceflow.redrive/orders.DLQ/0" },
      ...{ state: "CompleteCommit", timeoutMs: 10_000, startedAt: now - 10_000 },
      ...{ producerId: 1_004n, partitions: [], ...state },
    },
  };
}

Deno.test("a transaction is shown with its proof, in 100 columns", () => {
  const place = { topic: "u".repeat(90), partition: 1 };
  const found = { examined: [forgotten({ producerEpoch: 4 })], leaderless: [place], refused: [] };
  const text = transactionsText(found, now);
  assertEquals(text.split("\n").filter((line) => columnsOf(line) > 100), []);
  const line = text.replaceAll(/\n +/g, " ");
  assertStringIncludes(
    line,
    "onceflow.redrive/orders.DLQ/0, producer id 1004, epoch 3, last written 10 s",
  );
  assertStringIncludes(line, "FORGOTTEN, ended by commit: its marker at ooo");
  assertStringIncludes(line, "Could not ask (without a leader): uuu");
  const nothing = { examined: [], leaderless: [], refused: [] };
  assertEquals(transactionsText(nothing, now), "No partition holds a transaction open.");
});

Deno.test("one that nothing proves is shown with what its coordinator knows, and where to read on", () => {
  const one = { ...forgotten({ producerEpoch: 3 }), outcome: undefined, proof: undefined };
  const text = transactionsText({ examined: [one], leaderless: [], refused: [] }, now);
  assertEquals(text.split("\n").filter((line) => columnsOf(line) > 100), []);
  const line = text.replaceAll(/\n +/g, " ");
  assertStringIncludes(
    line,
    "knows of this id is CompleteCommit, of this transaction or of a later",
  );
  assertStringIncludes(line, "deno task worker transactions --help");
});

Deno.test("a transaction of old records is as old as it is, where its coordinator tells", () => {
  const age = (epoch?: number) =>
    transactionRow(forgotten(epoch === undefined ? undefined : { producerEpoch: epoch }), now)
      .lastWrittenSeconds;
  assertEquals([age(4), age(3)], [10, 10]);
  // What the coordinator tells is of a later one.
  assertEquals([age(5), age()], [day / 1_000, day / 1_000]);
});
