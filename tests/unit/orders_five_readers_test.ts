/** What one reader takes all five take, with the same amount: flow, read model, checker, API, and the API's own answer. */
import { planBatch } from "../../src/engine/core/plan_batch.ts";
import type { InputRecord } from "../../src/engine/core/record.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { invoicing } from "../../src/app/orders/invoicing.ts";
import { orderProblem } from "../../src/app/orders/order_record.ts";
import { readViewFact } from "../../src/app/orders/view_events.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { canonicalDecimal } from "../../src/tools/verify/decimals.ts";
import { loadLog } from "../../src/tools/verify/load_log.ts";
import { openSpill, type Spill } from "../../src/tools/verify/spill.ts";
import { assertEquals } from "../support/assert.ts";

const topics = {
  orders: "orders",
  invoices: "invoices",
  deadLetters: "orders.DLQ",
  invoicingGroup: "onceflow.invoicing",
};
const rates = (() => Promise.resolve([{ currency: "EUR", rate: "0.19" }])) as unknown as Sql;
const flow = invoicing(rates, { ...topics, now: () => new Date(0) });
const target = { partitionCount: () => 1, recordBytesMax: 20_000_000, planMsMax: 60_000 };
const encoder = new TextEncoder();
let offset = 0;

const rest = `"event_id":"0198f3c2-7d1e-7c3a-9f60-2f4b8a1d5e11","order_id":"order-1"`;
const time = `"occurred_at":"2026-01-31T12:00:00.000Z"`;

/** What each reader of the topic makes of an event: its amount, or null where it is no order. */
async function amounts(spill: Spill, value: string) {
  const record: InputRecord = {
    ...{ topic: "orders", partition: 0, offset: offset++, timestamp: 0, headers: [] },
    key: encoder.encode("order-1"),
    value: encoder.encode(value),
  };
  const { outputs } = await planBatch(flow, [record], target, {
    signal: new AbortController().signal,
  });
  const [output] = outputs;
  const fact = readViewFact(topics, record);
  const logged = { ...record, state: "committed" as const, valueDigest: "v", digest: "d" };
  loadLog(spill, "orders", orderProblem).published(logged);
  const row =
    spill.rows("select well_formed, amount from published order by offset desc limit 1")[0];
  return {
    flow: output?.topic === "invoices"
      ? canonicalDecimal(JSON.parse(String(output.value)).net)
      : null,
    view: fact?.kind === "placed" ? canonicalDecimal(fact.order.amount) : null,
    verify: row?.well_formed ? String(row.amount) : null,
  };
}

const text = (value: string) => JSON.stringify(value);
const amount = (value: string) => `"user_id":"ada","amount":${text(value)},"currency":"EUR"`;
const currency = (value: string) => `"user_id":"ada","amount":"10.00","currency":${text(value)}`;
const user = (json: string) => `"user_id":${json},"amount":"10.00","currency":"EUR"`;

/** Fields that the API takes, too, and the amount that they are an order over. */
const shared: readonly (readonly [fields: string, amount: string | null])[] = [
  [amount("10.00"), "10"],
  ...["1e2", "1E2", "1e400", "1E-400", "0e0", "-0", "-0.00", "+1", "0.0", "00", "1.", ".1"].map(
    (value) => [amount(value), null] as const,
  ),
  ...[" 10.00", "10.00 ", "10.00\n", "\ufeff10.00", "1_000", "1 000", "1'000", "٣", "10,00"].map(
    (value) => [amount(value), null] as const,
  ),
  ...["10.00\u0000", "0x1", "0b1", "1n", "∞", "１０", "9".repeat(400), `0.${"0".repeat(400)}1`].map(
    (value) => [amount(value), null] as const,
  ),
  ...["eur", "Eur", "DEM", "FRF", "ITL", "LTL", "BYR", "VEF", "ZWD", "HRK", "XDR", "XAU"].map(
    (value) => [currency(value), null] as const,
  ),
  ...["", "EU", "EURO", " EUR", "EUR ", "ＥＵＲ", "ЕUR", "EUR\u0000", "€"].map((value) =>
    [currency(value), null] as const
  ),
  [`"user_id":"ada","amount":10.00,"currency":"EUR"`, null],
  [`"user_id":"ada","amount":["10.00"],"currency":"EUR"`, null],
  [`"user_id":"ada","amount":${"[".repeat(5_000)}${"]".repeat(5_000)},"currency":"EUR"`, null],
  ...[`"\\ud800"`, `"\\udc00a"`, `"a\\u0000b"`, `"\\u0000"`, `"a\\u0007"`, `"a\\u007f"`].map(
    (json) => [user(json), null] as const,
  ),
  ...[`"\\ud83d\\ude00"`, `"e\\u0301"`, `"\\u202eada"`, `"\\uffff"`, `"\\ufffd"`].map((json) =>
    [user(json), "10"] as const
  ),
  ...["null", "7", "true", "[]", `{"toString":1}`, `""`, `" "`].map((json) =>
    [user(json), null] as const
  ),
];

/** Fields of events of other producers alone: the API takes no others than its own, and sets the time itself. */
const ofOthers: readonly (readonly [event: string, amount: string | null])[] = [
  [
    `{${rest},${time},${amount("10.00")},"more":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    "10",
  ],
  [`{${rest},${time},${amount("10.00")},"__proto__":{"amount":"9.99"}}`, "10"],
  [`{${rest},${time},${amount("10.00")},"constructor":null,"toString":1}`, "10"],
  [`{${rest},${time},"user_id":"ada","__proto__":{"amount":"9.99"},"currency":"EUR"}`, null],
  [`{${rest},${time},${amount("10.00")},"more":"\\ud800\\u0000"}`, "10"],
  [`{${rest},${time},${amount("10.00")},"order_id":"order-2"}`, null],
  // Of a name that stands twice the last one counts; the API refuses it.
  [`{${rest},${time},"user_id":"ada","amount":"1.00","amount":"2.00","currency":"EUR"}`, "2"],
  [`{${rest},${time},"user_id":"ada","amount":"x","amount":"2.00","currency":"EUR"}`, "2"],
  [`{${rest},${time},"user_id":"ada","amount":"2.00","amount":"x","currency":"EUR"}`, null],
  [
    `{${rest},${time},"user_id":"","user_id":"ada","amount":"2.00","currency":"eur","currency":"EUR"}`,
    "2",
  ],
  [`{${rest},${time},${amount("10.00")}`, null],
  [`[{${rest},${time},${amount("10.00")}}]`, null],
  [` \n{${rest},${time},${amount("10.00")}}\t `, "10"],
  [`{${rest},${time},${amount("10.00")}}\u0000`, null],
  ...[
    ...["9999-12-31T23:59:60Z", "2016-12-31T23:59:60Z", "2026-01-31T12:00:00+00:00"],
    ...["2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00.Z", "2026-W05-6T12:00:00Z"],
    ...[
      "2026-031T12:00:00Z",
      "20260131T120000Z",
      "-000001-01-01T00:00:00Z",
      "2100-02-29T00:00:00Z",
    ],
    ...[" 2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z ", "2026-01-31T12:60:00Z"],
  ].map((at) => [`{${rest},"occurred_at":${text(at)},${amount("10.00")}}`, null] as const),
  ...["1970-01-01T00:00:00Z", "2000-02-29T23:59:59.9Z", "9999-12-31T23:59:59Z"].map((at) =>
    [`{${rest},"occurred_at":${text(at)},${amount("10.00")}}`, "10"] as const
  ),
];

Deno.test("each case is the same to flow, read model, checker and API", async () => {
  await using database = openDatabase("postgres://nobody@127.0.0.1:1/none", {
    connectionsMax: 1,
    applicationName: "test",
  });
  const app = createApp({ sql: database.sql, topic: "orders", shards: 1, onFault: () => {} });
  const answered = async (fields: string) => {
    const headers = { "content-type": "application/json" };
    const answer = await app.request("/orders", { method: "POST", headers, body: `{${fields}}` });
    await answer.body?.cancel();
    return answer.status;
  };
  using spill = openSpill(".onceflow/verify");
  for (const [fields, expected] of shared) {
    const found = await amounts(spill, `{${rest},${time},${fields}}`);
    assertEquals(found, { flow: expected, view: expected, verify: expected }, fields.slice(0, 200));
    // What is taken comes as far as the database, and that is away.
    assertEquals(await answered(fields), expected === null ? 422 : 503, fields.slice(0, 200));
  }
  for (const [event, expected] of ofOthers) {
    const found = await amounts(spill, event);
    assertEquals(found, { flow: expected, view: expected, verify: expected }, event.slice(0, 300));
  }
});
