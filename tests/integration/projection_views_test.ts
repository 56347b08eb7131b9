import { assertEquals } from "../support/assert.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { databaseWith } from "./projection_database.ts";
import { followToEnd } from "./projection_follow.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import {
  deadLetter,
  garbage,
  invoiced,
  type NewRecord,
  placed,
  topics,
} from "./projection_order_records.ts";

const projection = orderViews(topics);

/** Folds the records in this order, one topic after another where `inTurns` says so. */
async function folded(records: readonly NewRecord[], look: (sql: Sql) => Promise<void>) {
  await using database = await databaseWith(projection);
  const log = new MemoryLog(1, projection.topics);
  for (const record of records) {
    log.append(record);
    await followToEnd({ sql: database.sql, projection, log });
  }
  await look(database.sql);
}

const order = (sql: Sql, id: string) =>
  sql`
  select status, user_id, amount, gross, placed_count, invoices_count, dead_letter_reason
  from order_view where order_id = ${id}
`.then((rows) => rows[0]);

const totals = (sql: Sql) =>
  sql`
  select user_id, currency, orders_count, invoices_count, amount_total, invoiced_total
  from customer_totals order by user_id, currency
`.then((rows) => rows.map((row) => Object.values(row).join(" ")));

Deno.test("an order that was invoiced shows its invoice and counts once in the totals", async () => {
  await folded([placed({ orderId: "o1" }), invoiced({ orderId: "o1" })], async (sql) => {
    assertEquals({ ...await order(sql, "o1") }, {
      status: "invoiced",
      user_id: "u1",
      amount: "100.00",
      gross: "110.00",
      placed_count: 1,
      invoices_count: 1,
      dead_letter_reason: null,
    });
    assertEquals(await totals(sql), ["u1 USD 1 1 100.00 110.00"]);
  });
});

Deno.test("an invoice folded before its order has no user yet and ends the same", async () => {
  await folded([invoiced({ orderId: "o1" })], async (sql) => {
    assertEquals((await order(sql, "o1"))?.user_id, null);
  });
  await folded([invoiced({ orderId: "o1" }), placed({ orderId: "o1" })], async (sql) => {
    assertEquals((await order(sql, "o1"))?.status, "invoiced");
    assertEquals(await totals(sql), ["u1 USD 1 1 100.00 110.00"]);
  });
});

Deno.test("a dead letter marks the order whether it is folded before or after it", async () => {
  const original = placed({ orderId: "o1", currency: "XXX" });
  const letter = deadLetter(original, 0);
  for (const records of [[original, letter], [letter, original]]) {
    await folded(records, async (sql) => {
      const row = await order(sql, "o1");
      assertEquals([row?.status, row?.dead_letter_reason], ["dead-lettered", "no tax rate"]);
      assertEquals(await totals(sql), ["u1 XXX 1 0 100.00 0"]);
    });
  }
});

Deno.test("a redriven order is placed again, then invoiced, and its amount is counted once", async () => {
  const original = placed({ orderId: "o1" });
  const redriven = [original, deadLetter(original, 0), original];
  await folded(redriven, async (sql) => {
    const row = await order(sql, "o1");
    assertEquals([row?.status, row?.placed_count], ["placed", 2]);
  });
  await folded([...redriven, invoiced({ orderId: "o1" })], async (sql) => {
    assertEquals((await order(sql, "o1"))?.status, "invoiced");
    assertEquals(await totals(sql), ["u1 USD 1 1 100.00 110.00"]);
  });
  await folded([...redriven, deadLetter(original, 1)], async (sql) => {
    assertEquals((await order(sql, "o1"))?.status, "dead-lettered");
  });
});

Deno.test("bytes that are no order leave no row, neither from the topic nor from its dead letters", async () => {
  const bytes = garbage(topics.orders);
  await folded([bytes, deadLetter(bytes, 0), garbage(topics.invoices)], async (sql) => {
    assertEquals(await sql`select order_id from order_view`.then((rows) => rows.length), 0);
    assertEquals(await totals(sql), []);
  });
});

Deno.test("text that Postgres cannot hold is skipped and stops nothing", async () => {
  const records = [placed({ orderId: "o\0" }), placed({ orderId: "o1", userId: "\ud800" })];
  await folded([...records, placed({ orderId: "o2" })], async (sql) => {
    const rows = await sql`select order_id from order_view`;
    assertEquals(rows.map((row) => row.order_id), ["o2"]);
  });
});

Deno.test("a customer billed twice shows as more invoices than invoiced orders", async () => {
  const records = [placed({ orderId: "o1" }), invoiced({ orderId: "o1" })];
  await folded([...records, invoiced({ orderId: "o1", gross: "110.00" })], async (sql) => {
    assertEquals((await order(sql, "o1"))?.invoices_count, 2);
    assertEquals(await totals(sql), ["u1 USD 1 2 100.00 220.00"]);
    const checks = await projection.checks?.(sql, (table) => table) ?? [];
    assertEquals(checks.filter((check) => check.left !== check.right), [
      { name: "invoices, one an order", left: "2", right: "1" },
    ]);
  });
});
