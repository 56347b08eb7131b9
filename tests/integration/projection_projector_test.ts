import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { HaltError } from "../../src/engine/core/errors.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { liveTarget } from "../../src/engine/projection/fold_target.ts";
import { positionOpener } from "../../src/engine/projection/open_positions.ts";
import type { AppliedBatch } from "../../src/engine/projection/project_partition.ts";
import { cutProxy } from "./projection_cut_proxy.ts";
import { databaseWith } from "./projection_database.ts";
import { follow, followToEnd, positionOf } from "./projection_follow.ts";
import { MemoryLog } from "./projection_memory_log.ts";
import { garbage, invoiced, placed, topics } from "./projection_order_records.ts";
import { dumpViews } from "./projection_tables.ts";

const projection = orderViews(topics);

function logOf(orders: number): MemoryLog {
  const log = new MemoryLog(1, projection.topics);
  for (let i = 0; i < orders; i++) {
    log.append(placed({ orderId: `o${i}`, userId: `u${i % 3}` }));
    log.append(invoiced({ orderId: `o${i}`, userId: `u${i % 3}` }));
  }
  return log;
}

async function countOf(sql: Sql): Promise<readonly number[]> {
  const [row] = await sql`
    select sum(orders_count)::int as orders, sum(invoices_count)::int as invoices
    from customer_totals
  `;
  return [Number(row?.orders), Number(row?.invoices)];
}

Deno.test("a projector that starts again goes on from the position in Postgres", async () => {
  await using database = await databaseWith(projection);
  const log = logOf(10);
  await followToEnd({ sql: database.sql, projection, log });
  log.append(placed({ orderId: "later" }));
  const applied: AppliedBatch[] = [];
  const more = { onApplied: (run: AppliedBatch) => void applied.push(run) };
  await followToEnd({ sql: database.sql, projection, log, more });
  assertEquals(applied.map(({ topic, events, nextOffset }) => [topic, events, nextOffset]), [
    ["orders", 1, 11],
  ]);
  assertEquals(await countOf(database.sql), [11, 10]);
});

Deno.test("records without an order are skipped and counted", async () => {
  await using database = await databaseWith(projection);
  const log = logOf(1);
  log.append(garbage(topics.orders));
  const applied: AppliedBatch[] = [];
  const more = { onApplied: (run: AppliedBatch) => void applied.push(run) };
  await followToEnd({ sql: database.sql, projection, log, more });
  assertEquals(applied.find((run) => run.topic === "orders")?.skipped, 1);
});

for (const dedupe of ["position", "event_id"] as const) {
  Deno.test(`two projectors of the same partitions fold each record once by ${dedupe}`, async () => {
    await using database = await databaseWith(projection);
    const log = logOf(120);
    await followToEnd({ sql: database.sql, projection, log, dedupe, recordsMax: [5, 7] });
    assertEquals(await countOf(database.sql), [120, 120]);
  });
}

Deno.test("an event that stands in the log twice counts once by event_id and twice by position", async () => {
  for (const [dedupe, invoices] of [["event_id", 1], ["position", 2]] as const) {
    await using database = await databaseWith(projection);
    const log = new MemoryLog(1, projection.topics);
    const invoice = invoiced({ orderId: "o1" });
    log.append(placed({ orderId: "o1" }));
    log.append(invoice);
    log.append(invoice);
    await followToEnd({ sql: database.sql, projection, log, dedupe });
    assertEquals(await countOf(database.sql), [1, invoices], dedupe);
  }
  await using database = await databaseWith(projection);
  const log = new MemoryLog(1, projection.topics);
  log.append(placed({ orderId: "o1" }));
  const withoutIds: typeof projection = {
    ...projection,
    decode: (record) => ({ ...projection.decode(record), eventId: undefined }) as never,
  };
  const follow = { sql: database.sql, projection: withoutIds, log, dedupe: "event_id" } as const;
  await assertRejects(() => followToEnd(follow), HaltError, "its decoder must give one");
});

for (const at of ["before-commit", "after-commit"] as const) {
  Deno.test(`a projector that crashes ${at} folds each record once when it starts again`, async () => {
    await using database = await databaseWith(projection);
    const log = logOf(10);
    let crashes = 3;
    const onStep = (step: string) => {
      if (step === at && crashes-- > 0) throw new Error("crash");
    };
    const options = { sql: database.sql, projection, log, recordsMax: 3, more: { onStep } };
    while (crashes > 0) await assertRejects(() => followToEnd(options), Error, "crash");
    await followToEnd(options);
    assertEquals(await countOf(database.sql), [10, 10]);
  });
}

Deno.test("a position outside the log halts and names the rebuild", async () => {
  await using database = await databaseWith(projection);
  const log = logOf(3);
  const run = () => follow({ sql: database.sql, projection, log }, new AbortController());
  log.deleteBefore({ topic: "orders", partition: 0 }, 2);
  const below = await assertRejects(run, HaltError);
  assertStringIncludes(below.message, "deleted before they were folded");
  assertStringIncludes(below.message, "projection rebuild");

  log.deleteBefore({ topic: "orders", partition: 0 }, 0);
  await followToEnd({ sql: database.sql, projection, log });
  log.truncate({ topic: "orders", partition: 0 });
  assertStringIncludes((await assertRejects(run, HaltError)).message, "projection rebuild");
});

Deno.test("a topic that was recreated halts even where the position lies within it", async () => {
  await using database = await databaseWith(projection);
  const log = logOf(3);
  const first = { topicId: (topic: string) => `${topic} #1` };
  await followToEnd({ sql: database.sql, projection, log, more: first });
  const again = { topicId: (topic: string) => `${topic} #2` };
  const error = await assertRejects(
    () => follow({ sql: database.sql, projection, log, more: again }, new AbortController()),
    HaltError,
  );
  assertStringIncludes(error.message, "recreated");
});

Deno.test("a record that the tables refuse halts at its offset, with all before it folded", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  await sql`alter table order_view add constraint cheap check (amount < 1000)`;
  const log = new MemoryLog(1, projection.topics);
  for (const amount of ["1", "2", "5000", "3"]) {
    log.append(placed({ orderId: `o${amount}`, amount }));
  }
  const error = await assertRejects(
    () => follow({ sql, projection, log }, new AbortController()),
    HaltError,
  );
  assertStringIncludes(error.message, "orders-0 offset 2");
  assertEquals(await positionOf(sql, projection.name, "orders", 0), 2);
  assertEquals((await countOf(sql))[0], 2);
});

Deno.test("a projector waits while Postgres is down and goes on by itself", async () => {
  await using database = await databaseWith(projection);
  await using proxy = cutProxy(database.url);
  await using through = openDatabase(proxy.url, { connectionsMax: 4, applicationName: "test" });
  const log = logOf(20);
  await followToEnd({ sql: through.sql, projection, log });

  const states: string[] = [];
  const isDown = Promise.withResolvers<void>();
  const onDependency = (state: "down" | "up") => {
    states.push(state);
    if (state === "down") isDown.resolve();
  };
  const stop = new AbortController();
  const following = follow(
    { sql: through.sql, projection, log, more: { onDependency } },
    stop,
    (topic, _partition, nextOffset) => topic === "orders" && nextOffset === 21 && stop.abort(),
  );
  proxy.down();
  log.append(placed({ orderId: "during the outage" }));
  await isDown.promise;
  proxy.up();
  await following;
  assert(states.includes("up"));
  assertEquals(await countOf(database.sql), [21, 20]);
});

Deno.test("connections that die at any moment leave the tables as if none had", async () => {
  await using calm = await databaseWith(projection);
  await using rough = await databaseWith(projection);
  await using proxy = cutProxy(rough.url);
  await using through = openDatabase(proxy.url, { connectionsMax: 4, applicationName: "test" });
  const log = logOf(300);
  await followToEnd({ sql: calm.sql, projection, log });
  let runs = 0;
  const onApplied = () => {
    if (++runs % 9 === 0 && runs <= 90) proxy.cut();
  };
  await followToEnd({ sql: through.sql, projection, log, recordsMax: 5, more: { onApplied } });
  assertEquals(await dumpViews(rough.sql), await dumpViews(calm.sql));
});

Deno.test("positions that are asked for at once are opened by two transactions, each by its own merit", async () => {
  await using database = await databaseWith(projection);
  const { sql } = database;
  let transactions = 0;
  const counting = new Proxy(sql, {
    get(target, name, receiver) {
      if (name === "begin") transactions++;
      return Reflect.get(target, name, receiver);
    },
  });
  const places = Array.from({ length: 300 }, (_, partition) => ({ topic: "orders", partition }));
  const openAll = (topicIdOf: (partition: number) => string | undefined) => {
    const open = positionOpener(counting, liveTarget(projection, "position"));
    return Promise.allSettled(places.map((place) => open(place, topicIdOf(place.partition))));
  };
  await openAll((partition) => partition === 2 ? undefined : "first");
  await sql`
    update projection_positions set next_offset = partition, log_mark = 'mark ' || partition
    where partition > 0
  `;
  const opened = await openAll((partition) => partition === 1 ? "second" : "first");
  assert(transactions <= 4, `${transactions} transactions`);
  for (const [partition, end] of opened.entries()) {
    if (partition === 1) {
      assert(end.status === "rejected");
      assertStringIncludes(end.reason.message, "orders into order_views: the topic was deleted");
    } else {
      const mark = partition > 0 ? `mark ${partition}` : undefined;
      assertEquals(end, { status: "fulfilled", value: { nextOffset: partition, mark } });
    }
  }
  const ids = await sql`select distinct topic_id from projection_positions`;
  assertEquals(ids.map((row) => row.topic_id), ["first"]);
  // In the same words for all: what is the same is said once.
  const others = await openAll(() => "second");
  const said = others.map((end) => end.status === "rejected" ? end.reason.message : "");
  assertEquals(new Set(said).size, 1);
});
