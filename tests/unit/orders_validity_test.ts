/** One definition of an order: what the API takes, the flow bills, the read model folds and the checker expects is the same. */
import { PoisonError } from "../../src/engine/core/errors.ts";
import fc from "fast-check";
import type { InputRecord } from "../../src/engine/core/record.ts";
import { headerText, textHeader } from "../../src/engine/core/record.ts";
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import { orderRequest } from "../../src/app/http/schemas.ts";
import { orderPlaced } from "../../src/app/orders/events.ts";
import { invoiceFor } from "../../src/app/orders/invoice_for.ts";
import { orderProblem, orderReading } from "../../src/app/orders/order_record.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { invoiceIssued, invoiceIssuedStrict } from "../../src/app/orders/events.ts";
import { readViewFact } from "../../src/app/orders/view_events.ts";
import { canonicalDecimal } from "../../src/tools/verify/decimals.ts";
import { loadLog } from "../../src/tools/verify/load_log.ts";
import { openSpill } from "../../src/tools/verify/spill.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

const encoder = new TextEncoder();
const topics = {
  orders: "orders",
  invoices: "invoices",
  deadLetters: "orders.DLQ",
  invoicingGroup: "onceflow.invoicing",
};

const good = {
  event_id: "0198f3c2-7d1e-7c3a-9f60-2f4b8a1d5e11",
  order_id: "order-1",
  user_id: "customer-1",
  amount: "12.34",
  currency: "EUR",
  occurred_at: "2026-01-31T12:00:00.000Z",
  channel: "web",
  schema_version: 2,
};

function recordOf(value: string | Uint8Array, key: string | null = good.order_id): InputRecord {
  return {
    ...{ topic: "orders", partition: 0, offset: 7, timestamp: 1_769_860_800_000, headers: [] },
    key: key === null ? null : encoder.encode(key),
    value: typeof value === "string" ? encoder.encode(value) : value,
  };
}

const flow = defineFlow({
  name: "invoicing",
  from: topic("orders", orderReading),
  to: [topic("invoices", {
    read: invoiceIssued,
    write: invoiceIssuedStrict,
    key: (invoice) => invoice.order_id,
  })],
  deadLetters: "orders.DLQ",
  transform: (order) =>
    topic("invoices", { read: invoiceIssued, write: invoiceIssuedStrict, key: (i) => i.order_id })
      .event(invoiceFor(order, { taxRate: "0.19", issuedAt: new Date(0) })),
});

interface Verdicts {
  readonly flow: string | null;
  readonly view: string | null;
  readonly verify: string | null;
}

/** What each part makes of a record: the amount that it takes it for, or null where it is no order. */
async function verdicts(record: InputRecord): Promise<Verdicts> {
  const signal = new AbortController().signal;
  const plan = await planBatch(flow, [record], {
    partitionCount: () => 1,
    recordBytesMax: 1_000_000,
    planMsMax: 1_000,
  }, { signal });
  const [output] = plan.outputs;
  const net = output?.topic === "invoices" ? JSON.parse(String(output.value)).net : null;

  const fact = readViewFact(topics, record);
  const letter: InputRecord = {
    ...record,
    topic: "orders.DLQ",
    headers: [
      textHeader("x-original-topic", "orders"),
      textHeader("x-original-partition", "0"),
      textHeader("x-original-offset", "7"),
    ],
  };
  const buried = readViewFact(topics, letter);

  using spill = openSpill(".onceflow/verify");
  const logRecord = { ...record, state: "committed" as const, valueDigest: "v", digest: "d" };
  const load = loadLog(spill, "orders", orderProblem);
  load.published(logRecord);
  load.dead({ ...logRecord, headers: letter.headers });
  const row = spill.rows("select well_formed, amount, occurred_at from published")[0];
  const dead = spill.rows("select well_formed from dead")[0];
  if (fact?.kind === "placed") {
    // What the table will hold, in milliseconds, beside what the checker expects.
    assertEquals(row?.occurred_at, Math.floor(Date.parse(fact.order.occurred_at)));
  }
  assertEquals(dead?.well_formed, row?.well_formed);
  assertEquals(buried === undefined, fact === undefined);
  return {
    flow: canonicalDecimal(net),
    view: fact?.kind === "placed" ? canonicalDecimal(fact.order.amount) : null,
    verify: row?.well_formed ? String(row.amount) : null,
  };
}

async function assertAgreed(record: InputRecord, expected?: boolean): Promise<string | null> {
  const found = await verdicts(record);
  const what = new TextDecoder().decode(record.value ?? undefined).slice(0, 200);
  assertEquals(found, { flow: found.flow, view: found.flow, verify: found.flow }, what);
  if (expected !== undefined) assertEquals(found.flow !== null, expected, what);
  return found.flow;
}

const changed = (change: Record<string, unknown>) => JSON.stringify({ ...good, ...change });

Deno.test("order of another producer that fits is one for every part", async () => {
  const { currency: _c, channel: _h, schema_version: _v, ...first } = good;
  const values = [
    JSON.stringify(good),
    JSON.stringify(first),
    `\ufeff${JSON.stringify(good)}`,
    `\ufeff${changed({ user_id: "\ufffd" })}`,
    changed({ event_id: good.event_id.toUpperCase() }),
    changed({ event_id: crypto.randomUUID() }),
    changed({ schema_version: 3, gift: { wrap: true } }),
    changed({ amount: "10", currency: "JPY" }),
    changed({ amount: "19.90", currency: "RSD" }),
    changed({ amount: "0.001", currency: "KWD" }),
    changed({ amount: "0.0001", currency: "CLF" }),
    changed({ amount: "999999999999999.99" }),
    changed({ occurred_at: "2024-02-29T23:59:59.999999999Z" }),
    changed({ occurred_at: "9999-12-31T23:59:59.999999999Z" }),
    changed({ occurred_at: "2026-01-31T12:00:00Z" }),
    changed({ user_id: "ユーザー 😀" }),
  ];
  for (const value of values) await assertAgreed(recordOf(value), true);
  const id = "o".repeat(256);
  await assertAgreed(recordOf(changed({ order_id: id }), id), true);
  await assertAgreed(recordOf(changed({ order_id: "Ä/1?" }), "Ä/1?"), true);
});

Deno.test("what is no order is none for any part, and a dead letter for the flow", async () => {
  const wrong: Record<string, unknown>[] = [
    ...[
      "10.005",
      "0.001",
      "10.000",
      "1e2",
      "1E+2",
      "-1.00",
      "+1.00",
      "0",
      "0.00",
      "01.00",
      ".5",
      "5.",
      "1,00",
    ]
      .map((amount) => ({ amount })),
    ...[
      "9".repeat(16),
      "9".repeat(30),
      `${"9".repeat(30)}.99`,
      "NaN",
      "Infinity",
      "0x10",
      "",
      " 1",
      "1 ",
      "１",
    ]
      .map((amount) => ({ amount })),
    { amount: 12.34 },
    { amount: null },
    { amount: "10.5", currency: "JPY" },
    { amount: "1.2345", currency: "KWD" },
    ...["usd", "US", "USDX", "XAU", "XDR", "ABC", "", null, 1, "EUR "].map((currency) => ({
      currency,
    })),
    ...[
      "1",
      "",
      null,
      "00000000-0000-0000-0000-000000000000",
      "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ]
      .map((event_id) => ({ event_id })),
    ...[
      "{0198f3c2-7d1e-7c3a-9f60-2f4b8a1d5e11}",
      "0198f3c27d1e7c3a9f602f4b8a1d5e11",
      "0198f3c2-7d1e-0c3a-9f60-2f4b8a1d5e11",
    ]
      .map((event_id) => ({ event_id })),
    ...["", null, 7, "a\0b", "\ud800", "a\nb", " ada", "ada ", "x".repeat(257)].map((user_id) => ({
      user_id,
    })),
    ...["", null, "a\0b", "\udfff", "x".repeat(65)].map((channel) => ({ channel })),
    ...[
      "0000-01-01T00:00:00Z",
      "0001-01-01T00:00:00Z",
      "1969-12-31T23:59:59Z",
      "10000-01-01T00:00:00Z",
      "+010000-01-01T00:00:00Z",
    ]
      .map((occurred_at) => ({ occurred_at })),
    ...[
      "2026-02-30T00:00:00Z",
      "2025-02-29T00:00:00Z",
      "2026-13-01T00:00:00Z",
      "2026-06-30T23:59:60Z",
      "2026-01-31T24:00:00Z",
    ]
      .map((occurred_at) => ({ occurred_at })),
    ...[
      "2026-01-31T12:00:00+02:00",
      "2026-01-31T12:00:00",
      "2026-01-31 12:00:00Z",
      "2026-01-31t12:00:00z",
      "2026-01-31T12:00:00,5Z",
    ]
      .map((occurred_at) => ({ occurred_at })),
    ...[
      "2026-01-31",
      "1769860800000",
      1769860800000,
      null,
      `2026-01-31T12:00:00.${"0".repeat(40)}Z`,
      "2026-01-31T12:00:00.1234567891Z",
    ]
      .map((occurred_at) => ({ occurred_at })),
    ...[0, -1, 1.5, "1", null, 1e300].map((schema_version) => ({ schema_version })),
  ];
  for (const change of wrong) {
    await assertAgreed(recordOf(changed(change)), false);
    assertEquals(
      orderPlaced.safeParse({ ...good, ...change }).success,
      false,
      Deno.inspect(change),
    );
  }
  for (const field of ["event_id", "order_id", "user_id", "amount", "occurred_at"]) {
    await assertAgreed(recordOf(changed({ [field]: undefined })), false);
  }
  for (
    const value of [
      "[]",
      "null",
      "1",
      '"x"',
      "{",
      "",
      `${JSON.stringify(good)} x`,
      `\ufeff\ufeff${JSON.stringify(good)}`,
    ]
  ) {
    await assertAgreed(recordOf(value), false);
  }
  await assertAgreed({ ...recordOf(""), value: null }, false);
  const latin1 = new Uint8Array(
    [...encoder.encode(changed({ user_id: "é" }))].filter((byte) => byte !== 0xc3),
  );
  await assertAgreed(recordOf(latin1), false);
});

Deno.test("record whose key is not its order's id is no order for any part, and the reason shows both", async () => {
  for (const key of [null, "", "order-2", "order-1 ", "\ufefforder-1", "ORDER-1"]) {
    const record = recordOf(JSON.stringify(good), key);
    await assertAgreed(record, false);
    assertMatch(orderProblem(record) ?? "", /key must be "order-1".*(none|is ")/);
  }
  const id = "order-\ufffd";
  const broken = {
    ...recordOf(changed({ order_id: id })),
    key: new Uint8Array([...encoder.encode("order-"), 0xff]),
  };
  await assertAgreed(broken, false);
  await assertAgreed(recordOf(changed({ order_id: id }), id), true);
});

const amounts = fc.oneof(
  fc.stringMatching(/^\d{1,17}(\.\d{1,6})?$/),
  fc.stringMatching(/^(0|[1-9]\d{0,3})(\.\d{1,4})?$/),
  fc.stringMatching(/^[-+]?\d{1,3}(\.\d{0,2})?(e[-+]?\d)?$/),
);
const currencies = fc.constantFrom(
  "USD",
  "EUR",
  "JPY",
  "KWD",
  "CLF",
  "RSD",
  "XAU",
  "XTS",
  "ABC",
  "eur",
);

Deno.test("order of any amount, currency and customer is judged alike by API, flow, read model and checker", async () => {
  const customers = fc.oneof(
    fc.string({ unit: "binary", minLength: 0, maxLength: 8 }),
    fc.constant("ada"),
  );
  await fc.assert(
    fc.asyncProperty(amounts, currencies, customers, async (amount, currency, user_id) => {
      const asked = orderRequest.safeParse({ user_id, amount, currency });
      const billed = await assertAgreed(
        recordOf(changed({ amount, currency, user_id })),
        asked.success,
      );
      if (asked.success) assertEquals(billed, canonicalDecimal(amount));
    }),
    { numRuns: 200 },
  );
});

Deno.test("order with any fields is judged alike by flow, read model and checker", async () => {
  const times = fc.oneof(
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    fc.stringMatching(
      /^(19|20|00)\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-6]\d(:[0-6]\d(\.\d{1,12})?)?(Z|\+02:00)$/,
    ),
  );
  const texts = fc.oneof(fc.string({ unit: "binary", maxLength: 6 }), fc.jsonValue());
  const event = fc.record({
    event_id: fc.oneof(fc.uuid(), fc.constant("00000000-0000-0000-0000-000000000000"), texts),
    order_id: fc.oneof(fc.constant("order-1"), texts),
    user_id: fc.oneof(fc.constant("ada"), texts),
    amount: fc.oneof(amounts, fc.constant("1.00")),
    currency: fc.oneof(currencies, texts),
    occurred_at: fc.oneof(times, texts),
    channel: texts,
    schema_version: fc.oneof(fc.nat(4), fc.jsonValue()),
  }, { requiredKeys: [] });
  await fc.assert(
    fc.asyncProperty(event, fc.constantFrom("", "\ufeff"), async (fields, mark) => {
      const value = `${mark}${JSON.stringify({ ...good, ...fields })}`;
      await assertAgreed(
        recordOf(value, typeof fields.order_id === "string" ? fields.order_id : "order-1"),
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("dead letter of what is no order says which field, and why", async () => {
  const signal = new AbortController().signal;
  const target = { partitionCount: () => 1, recordBytesMax: 1_000_000, planMsMax: 1_000 };
  const plan = await planBatch(flow, [recordOf(changed({ amount: "10.005" }))], target, { signal });
  assertEquals(headerText(plan.outputs[0]?.headers ?? [], "x-error-class"), PoisonError.name);
  assertMatch(
    headerText(plan.outputs[0]?.headers ?? [], "x-error") ?? "",
    /amount: must have at most 2 decimals, as EUR has/,
  );
});
