import fc from "fast-check";
import { assertEquals } from "../support/assert.ts";
import type { InputRecord } from "../../src/engine/core/record.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { applyBatch } from "../../src/engine/projection/apply_batch.ts";
import { type Dedupe, liveTarget } from "../../src/engine/projection/fold_target.ts";
import { positionOpener } from "../../src/engine/projection/open_positions.ts";
import { databaseWith } from "./projection_database.ts";
import { deadLetter, garbage, invoiced, placed, topics } from "./projection_order_records.ts";
import { clearViews, dumpViews } from "./projection_tables.ts";

const projection = orderViews(topics);

/** What can happen to an order, as the topics show it. Two orders share a customer, and a third has another currency. */
const step = fc.record({
  order: fc.constantFrom("o1", "o2", "o3"),
  what: fc.constantFrom("placed", "invoiced", "dead", "garbage"),
});

interface Logs {
  readonly [topic: string]: readonly InputRecord[];
}

function logsOf(steps: readonly { readonly order: string; readonly what: string }[]): Logs {
  const logs: { [topic: string]: InputRecord[] } = {
    [topics.orders]: [],
    [topics.invoices]: [],
    [topics.deadLetters]: [],
  };
  const lastPlaced = new Map<string, InputRecord>();
  const append = (record: Omit<InputRecord, "offset">) => {
    const log = logs[record.topic] ?? [];
    const appended = { ...record, offset: log.length };
    log.push(appended);
    return appended;
  };
  for (const { order, what } of steps) {
    const fields = {
      orderId: order,
      userId: order === "o3" ? "u2" : "u1",
      currency: order === "o2" ? "EUR" : "USD",
      amount: order === "o1" ? "0.10" : "7",
    };
    const original = lastPlaced.get(order);
    if (what === "placed") lastPlaced.set(order, append(original ?? placed(fields)));
    if (what === "invoiced") append(invoiced({ ...fields, gross: "8.25" }));
    if (what === "dead" && original) append(deadLetter(original, original.offset));
    if (what === "garbage") append(deadLetter(append(garbage(topics.orders, 0, order)), 0));
  }
  return logs;
}

/** Folds the logs in turns: `order` says whose turn it is and how many records it takes. */
async function fold(
  sql: Sql,
  logs: Logs,
  dedupe: Dedupe,
  order: readonly (readonly [topic: number, records: number])[],
): Promise<readonly string[]> {
  await clearViews(sql);
  const target = liveTarget(projection, dedupe);
  const names = Object.keys(logs);
  const at = new Map(names.map((topic) => [topic, 0]));
  const open = positionOpener(sql, target);
  for (const topic of names) await open({ topic, partition: 0 });
  const take = async (topic: string, count: number) => {
    const from = at.get(topic) ?? 0;
    const records = (logs[topic] ?? []).slice(from, from + count);
    const nextOffset = from + records.length;
    if (records.length === 0) return;
    await applyBatch(sql, target, { topic, partition: 0 }, from, { records, nextOffset });
    at.set(topic, nextOffset);
  };
  for (const [topic, records] of order) await take(names[topic] ?? "", records);
  for (const topic of names) await take(topic, 1000);
  return await dumpViews(sql);
}

Deno.test("the three topics can be folded in any interleaving and in runs of any length", async () => {
  await using database = await databaseWith(projection);
  const turns = fc.array(fc.tuple(fc.nat({ max: 2 }), fc.integer({ min: 1, max: 5 })), {
    maxLength: 30,
  });
  const dedupes = fc.constantFrom<Dedupe>("position", "event_id");
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      turns,
      dedupes,
      async (steps, order, dedupe) => {
        const logs = logsOf(steps);
        const byTopic = await fold(database.sql, logs, dedupe, []);
        assertEquals(await fold(database.sql, logs, dedupe, order), byTopic);
      },
    ),
    { numRuns: 60 },
  );
});
