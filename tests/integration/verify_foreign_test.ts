/** Events of other producers, from the topic to the books, on real Kafka and Postgres: the flow's own plan, the real read model. */
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import type { InputRecord, OutputRecord } from "../../src/engine/core/record.ts";
import { invoicing } from "../../src/app/orders/invoicing.ts";
import { formatReport } from "../../src/tools/verify/format_report.ts";
import { assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { type Draft, HandMadePipeline, openSharedReader } from "./verify_pipeline.ts";

const encoder = new TextEncoder();

interface Foreign {
  readonly key?: string;
  readonly mark?: string;
  readonly change?: Record<string, unknown>;
}

function draftOf(orderId: string, { key = orderId, mark = "", change = {} }: Foreign): Draft {
  const event = {
    event_id: crypto.randomUUID(),
    order_id: orderId,
    user_id: `user-${orderId}`,
    amount: "10.00",
    currency: "EUR",
    occurred_at: "2026-01-31T12:00:00Z",
    ...change,
  };
  return { key, value: encoder.encode(mark + JSON.stringify(event)) };
}

/** Writes what the invoicing flow makes of these records, with their offsets. */
async function work(pipeline: HandMadePipeline, records: readonly InputRecord[]) {
  const { ordersTopic, invoicesTopic, deadLettersTopic } = pipeline.names;
  const flow = {
    ...invoicing(pipeline.sql, {
      ...{ orders: ordersTopic, invoices: invoicesTopic, deadLetters: deadLettersTopic },
      now: () => new Date(),
    }),
    groupId: pipeline.names.invoicingGroup,
  };
  const target = { partitionCount: () => 3, recordBytesMax: 1_000_000, planMsMax: 10_000 };
  const { outputs } = await planBatch(flow, records, target, {
    signal: AbortSignal.timeout(30_000),
  });
  const isLetter = ({ topic }: OutputRecord) => topic === deadLettersTopic;
  await pipeline.work(
    records,
    outputs.filter((output) => !isLetter(output)).map(toDraft),
    outputs.filter(isLetter).map(toDraft),
  );
}

function toDraft({ key, value, headers, topic, partition }: OutputRecord): Draft {
  const bytes = typeof value === "string" ? encoder.encode(value) : value ?? new Uint8Array();
  return { key, value: bytes, headers, ...(topic.endsWith("DLQ") ? { partition } : {}) };
}

Deno.test("verify finds nothing in events of other producers, and names those that are no orders", async () => {
  await using reader = await openSharedReader();
  await using pipeline = await HandMadePipeline.open(reader);
  await assertRejects(() => pipeline.verifyNothing(), Error, "There is nothing to check");
  await pipeline.place(2);
  const published = await pipeline.relay();
  const twice = crypto.randomUUID();
  const good: Foreign[] = [
    {},
    { mark: "\ufeff" },
    { mark: "\ufeff", change: { user_id: "\ufffd" } },
    { change: { event_id: crypto.randomUUID().toUpperCase() } },
    { change: { amount: "999999999999999.99" } },
    { change: { amount: "10", currency: "JPY" } },
    { change: { amount: "0.001", currency: "KWD" } },
    { change: { occurred_at: "2026-01-31T12:00:00.000999999Z" } },
    { change: { occurred_at: "9999-12-31T23:59:59.999999999Z" } },
    { change: { schema_version: 9, more: [1] } },
    // An at-least-once producer's repetition, and one id for two orders.
    { change: { event_id: twice, amount: "1.00" } },
    { change: { event_id: twice, amount: "2.00" } },
  ];
  const noTaxRate: Foreign = { change: { amount: "19.90", currency: "RSD" } };
  const bad: Foreign[] = [
    { change: { amount: "10.005" } },
    { change: { amount: "10.5", currency: "JPY" } },
    { change: { amount: "0.001" } },
    { change: { amount: "9".repeat(30) } },
    { change: { currency: "XAU" } },
    { change: { currency: "eur" } },
    { change: { event_id: "00000000-0000-0000-0000-000000000000" } },
    { change: { occurred_at: "0000-01-01T00:00:00Z" } },
    { change: { occurred_at: `2026-01-31T12:00:00.${"0".repeat(30)}Z` } },
    { change: { occurred_at: "2026-02-30T00:00:00Z" } },
    { change: { occurred_at: "2026-01-31T12:00:00+02:00" } },
    { change: { user_id: "a\0b" } },
    { change: { user_id: "\ud800" } },
    { change: { event_id: twice, amount: "0" } },
    { key: "another" },
  ];
  const drafts = [...good, noTaxRate, ...bad].map((foreign, n) => draftOf(`foreign-${n}`, foreign));
  const records = await pipeline.write(pipeline.names.ordersTopic, drafts);
  await work(pipeline, [...published, ...records]);
  await pipeline.project();

  const report = await pipeline.verify();
  assertEquals(report.findings, [], JSON.stringify(report.findings, null, 2));
  assertEquals(report.figures.foreign.records, drafts.length);
  assertEquals(report.figures.foreign.dead_lettered, bad.length + 1);
  const named = report.foreign_dead_letters ?? [];
  assertEquals(named.length, bad.length + 1);
  assertEquals(report.foreign_dead_letters_left_off, 0);
  assertMatch(formatReport(report), new RegExp(`\\n  and ${named.length - 10} more\\n`));
  assertMatch(named.join("\n"), /orders[^\n]*-\d@\d+: PoisonError: /);
  const [billed] = await pipeline.sql`
    select count(*)::int as orders, count(invoice_id)::int as invoices from order_view
    where order_id like 'foreign-%' and user_id is not null
  `;
  assertEquals(billed, { orders: good.length + 1, invoices: good.length });
});

const billedWrongly: readonly [string, Foreign, RegExp][] = [
  ["an amount was rounded", { change: { amount: "10.005" } }, /at most 2 decimals, as EUR has/],
  ["a key was of another order", { key: "another" }, /key must be "wrong", .* it is "another"/],
];

for (const [title, foreign, why] of billedWrongly) {
  Deno.test(`verify says what is wrong where ${title} and it was billed`, async () => {
    await using reader = await openSharedReader();
    await using pipeline = await HandMadePipeline.open(reader);
    const draft = draftOf("wrong", foreign);
    const [record] = await pipeline.write(pipeline.names.ordersTopic, [draft]);
    if (record === undefined) throw new Error("nothing was written");
    // What a flow would write that rounds, or that does not look at the key.
    const event = { ...JSON.parse(new TextDecoder().decode(draft.value)), amount: "10.00" };
    const rounded = encoder.encode(JSON.stringify(event));
    const invoice = pipeline.invoiceOf({ ...record, value: rounded });
    await pipeline.work([record], [{ ...invoice, key: "wrong" }]);
    await pipeline.project();
    const { findings } = await pipeline.verify();
    const [altered] = findings.filter(({ kind }) => kind === "altered");
    assertMatch(altered?.first.detail ?? "", /is no order and belongs to the dead letters: /);
    assertMatch(altered?.first.detail ?? "", why);
  });
}
