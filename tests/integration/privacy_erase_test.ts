/** Erasing a customer on real Kafka and Postgres: no row names it any more, and the books balance. */
import {
  eraseCustomer,
  type ErasedRows,
  newPseudonym,
  ReadModelBehindError,
} from "../../src/app/orders/erase_customer.ts";
import { auditMigrations } from "../../src/app/audit/audit_migrations.ts";
import { explainCustomer, isKnown } from "../../src/app/privacy/explain_customer.ts";
import { formatCustomer } from "../../src/app/privacy/format_customer.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { migrate } from "../../src/engine/postgres/migrate.ts";
import { outboxMigrations } from "../../src/engine/outbox/migrations.ts";
import { orderMigrations } from "../../src/app/orders/migrations.ts";
import { projectionMigrations } from "../../src/engine/projection/projection_schema.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { HandMadePipeline, openSharedReader } from "./verify_pipeline.ts";

const customer = "user-1";

Deno.test("erasing a customer takes the name off every row, and the books balance", async (t) => {
  await using reader = await openSharedReader();
  await using pipeline = await HandMadePipeline.open(reader);
  const { sql, names } = pipeline;
  await migrate(sql, [
    ...[...outboxMigrations, ...orderMigrations, ...projectionMigrations, ...auditMigrations],
  ]);
  const erase = (): Promise<ErasedRows> =>
    eraseCustomer(sql, customer, { projection: names.projection, pseudonym: newPseudonym() });
  const explain = () =>
    explainCustomer(sql, pipeline.client, customer, {
      topics: [names.ordersTopic, names.invoicesTopic, names.deadLettersTopic],
      projection: names.projection,
      outboxHours: 24,
      idempotencyHours: 168,
      signal: AbortSignal.timeout(120_000),
    });
  const kinds = async () => (await pipeline.verify(false)).findings.map(({ kind }) => kind);

  // Nine orders, three of each customer: one is invoiced, one is a dead letter, one is not folded when it is erased.
  await placeOrder(sql, { orderId: "keyed", userId: customer, amount: "7", currency: "EUR" }, {
    ...{ topic: names.ordersTopic, shards: 1, now: () => new Date(), idempotencyKey: "k" },
  });
  await pipeline.place(6);
  const published = await pipeline.relay();
  const isBuried = (_: unknown, index: number) => index % 2 === 0;
  const buried = published.filter(isBuried);
  const billed = published.filter((record) => !buried.includes(record));
  await pipeline.work(
    published,
    billed.map((record) => pipeline.invoiceOf(record)),
    buried.map((record) => pipeline.deadLetterOf(record)),
  );

  await t.step("an invoice that is folded before its order holds an erasure up", async () => {
    await sql`insert into order_view (order_id, invoice_id, invoices_count) values ('early', 'i', 1)`;
    await sql`insert into customer_totals (user_id, currency, invoices_count) values (${customer}, 'EUR', 1)`;
    await assertRejects(erase, ReadModelBehindError, "projection status");
    await sql`delete from order_view`;
    await sql`delete from customer_totals`;
    assertEquals((await sql`select from erased_orders`).length, 0);
  });

  await t.step("what a fold has written that has not committed is erased as well", async () => {
    let erased: Promise<ErasedRows> | undefined;
    await pipeline.project(async () => {
      // The first fold holds its rows until the erasure waits for them.
      if (erased !== undefined) return;
      erased = erase();
      while (!await isWaiting()) await new Promise((resolve) => setTimeout(resolve, 20));
    });
    const { orders, idempotencyKeys, pseudonym } = await erased ?? {};
    assertEquals([orders, idempotencyKeys, pseudonym?.startsWith("erased-")], [3, 1, true]);
    await pipeline.project();
  });

  const isNowhere = async () => {
    const { tables } = await explain();
    const { outbox, outboxNewest: _, idempotencyNewest: __, ...others } = tables;
    assertEquals(Object.values(others), [0, 0, 0, 0, 0, 0]);
    return outbox;
  };
  await t.step("no row names the customer, but those that the relay will delete", async () => {
    assertEquals(await isNowhere(), 3);
    const [row] = await sql`select response from idempotency_keys`;
    assertStringIncludes(String(row?.response), "erased-");
    const reasons = await sql`
      select distinct dead_letter_reason as reason from order_view join erased_orders using (order_id)
      where dead_letter_reason is not null
    `;
    assertEquals(reasons.map(({ reason }) => reason), ["(erased)"]);
  });

  await t.step("it is found in the topics, with how long it stays", async () => {
    const found = await explain();
    assertEquals(found.topics[0]?.records, 3);
    assertEquals((found.topics[1]?.records ?? 0) + (found.topics[2]?.records ?? 0), 3);
    assertEquals(isKnown(found), true);
    assertStringIncludes(formatCustomer(found), `topic ${names.ordersTopic}`);
    assertStringIncludes(formatCustomer(found), "gone by 20");
  });

  await t.step("the books balance and say how many are erased", async () => {
    const { findings, notes } = await pipeline.verify(false);
    assertEquals(findings, []);
    assertStringIncludes(notes.join(), "3 order(s) are erased");
  });

  await t.step("a rebuild does not bring the name back", async () => {
    await pipeline.rebuild();
    await isNowhere();
    assertEquals(await kinds(), []);
  });

  await t.step("a second erasure finds nothing", async () => {
    assertEquals(await erase(), {
      ...{ pseudonym: undefined, orders: 0, view: 0, idempotencyKeys: 0 },
    });
    assertEquals(await kinds(), []);
  });

  await t.step("tables that a rebuild has kept are erased as well", async () => {
    await placeOrder(sql, { orderId: "late", userId: customer, amount: "7", currency: "EUR" }, {
      ...{ topic: names.ordersTopic, shards: 1, now: () => new Date() },
    });
    const more = await pipeline.relay();
    await pipeline.work(more, more.map((record) => pipeline.invoiceOf(record)));
    await pipeline.project();
    await pipeline.rebuild();
    assertEquals((await explain()).tables.viewCopies, 2);
    assertEquals((await erase()).orders, 1);
    await isNowhere();
    assertEquals(await kinds(), []);
  });

  await t.step("verify finds a name that came back, in a row and in a line", async () => {
    await sql`update orders set user_id = ${customer} where order_id = 'keyed'`;
    assertEquals(await kinds(), ["altered"]);
    await sql`
      update orders set user_id = (select pseudonym from erased_orders limit 1) where order_id = 'keyed'
    `;
    await sql`update order_view set user_id = ${customer} where order_id = 'keyed'`;
    assertEquals(await kinds(), ["projection_differs"]);
  });

  async function isWaiting(): Promise<boolean> {
    const rows = await sql`
      select from pg_locks l join pg_class c on c.oid = l.relation and c.relname = 'order_view'
      where not l.granted and l.database = (select oid from pg_database where datname = current_database())
    `;
    return rows.length > 0;
  }
});
