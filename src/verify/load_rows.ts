/** Copies what Postgres says into the scratch database, from one snapshot at a time. Writes nothing in Postgres. */
import type { Sql, Tx } from "../postgres/sql.ts";
import { canonicalDecimal } from "./decimals.ts";
import type { Spill } from "./spill.ts";

const rowsPerFetch = 2_000;

/** What to read: the outbox rows of this topic, and the projection of this name. */
export interface RowSource {
  readonly ordersTopic: string;
  readonly projection: string;
}

/** Tables that are not there: the part of the pipeline that owns them was never installed in this database. */
export interface LoadedRows {
  readonly missingTables: readonly string[];
}

/**
 * Order rows, outbox rows, read model and its positions as they stand at one moment. Read-only and without an xid of its
 * own, so that it holds back no relay (the barrier waits for xids, not for snapshots).
 */
export async function loadRows(
  sql: Sql,
  spill: Spill,
  source: RowSource,
  signal: AbortSignal,
): Promise<LoadedRows> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    await liftTimeouts(tx);
    const missingTables: string[] = [];
    const load = async (table: string, copy: () => Promise<void>) => {
      signal.throwIfAborted();
      const [found] = await tx`select to_regclass(${table}) is not null as there`;
      if (found?.there) await copy();
      else missingTables.push(table);
    };
    // The snapshot is taken by the first statement and holds for all of these.
    await load("projection_positions", () => loadPositions(tx, spill, source.projection));
    await load("order_view", () => loadView(tx, spill));
    await load("customer_totals", () => loadTotals(tx, spill));
    await load("orders", () => loadOrders(tx, spill, signal));
    await load("outbox", () => loadOutbox(tx, spill, source.ordersTopic, signal));
    return { missingTables };
  });
}

/** A million rows take longer than a request may. The checker's own signal bounds it. */
async function liftTimeouts(tx: Tx): Promise<void> {
  await tx`select set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`;
}

async function loadPositions(tx: Tx, spill: Spill, projection: string): Promise<void> {
  const insert = spill.inserter("insert into projected values (?, ?, ?)");
  const rows = await tx<{ topic: string; partition: number; next_offset: string }[]>`
    select topic, partition, next_offset::text from projection_positions where projection = ${projection}
  `;
  for (const row of rows) insert(row.topic, row.partition, Number(row.next_offset));
}

type Texts = Readonly<Record<string, string | null>>;

const ms = (text: string | null | undefined) => text == null ? null : Math.floor(Number(text));

async function loadView(tx: Tx, spill: Spill): Promise<void> {
  const insert = spill.inserter(
    "insert into viewed values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const batches = tx<Texts[]>`
    select order_id, user_id, amount::text, currency, (extract(epoch from placed_at) * 1000)::text as placed_at,
      placed_count::text, status, invoice_id, net::text, tax::text, gross::text, tax_rate::text,
      (extract(epoch from invoiced_at) * 1000)::text as invoiced_at, invoices_count::text,
      dead_letter_reason, dead_letter_class, (extract(epoch from dead_lettered_at) * 1000)::text as dead_lettered_at
    from order_view
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    for (const row of batch) {
      insert(
        row.order_id ?? "",
        row.user_id ?? null,
        canonicalDecimal(row.amount),
        row.currency ?? null,
        ms(row.placed_at),
        Number(row.placed_count),
        row.status ?? null,
        row.invoice_id ?? null,
        canonicalDecimal(row.net),
        canonicalDecimal(row.tax),
        canonicalDecimal(row.gross),
        canonicalDecimal(row.tax_rate),
        ms(row.invoiced_at),
        Number(row.invoices_count),
        row.dead_letter_reason ?? null,
        row.dead_letter_class ?? null,
        ms(row.dead_lettered_at),
      );
    }
  }
}

async function loadTotals(tx: Tx, spill: Spill): Promise<void> {
  const insert = spill.inserter("insert into totalled values (?, ?, ?, ?, ?, ?)");
  const batches = tx<Texts[]>`
    select user_id, currency, orders_count::text, invoices_count::text, amount_total::text, invoiced_total::text
    from customer_totals
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    for (const row of batch) {
      insert(
        row.user_id ?? "",
        row.currency ?? "",
        Number(row.orders_count),
        Number(row.invoices_count),
        canonicalDecimal(row.amount_total),
        canonicalDecimal(row.invoiced_total),
      );
    }
  }
}

/** Notes an order's row; `late` ones were not in the first snapshot. */
function orderInserter(spill: Spill, late: boolean): (row: Texts) => void {
  const insert = spill.inserter(`
    insert into expected (event, key, has_row, order_id, user_id, amount, currency, placed_at, has_outbox, late)
    values (?, ?, 1, ?, ?, ?, ?, ?, 0, ?)
    on conflict (event) do nothing
  `);
  return (row) =>
    insert(
      row.event_id ?? "",
      row.order_id ?? null,
      row.order_id ?? null,
      row.user_id ?? null,
      canonicalDecimal(row.amount),
      row.currency ?? null,
      ms(row.placed_at),
      late,
    );
}

/** Notes an outbox row, beside the order's row where there is one. */
function outboxInserter(spill: Spill, late: boolean): (row: Texts) => void {
  const insert = spill.inserter(`
    insert into expected (event, key, has_row, has_outbox, shard, position, value_digest, late)
    values (?, ?, 0, 1, ?, ?, ?, ?)
    on conflict (event) do update set has_outbox = 1, key = excluded.key, shard = excluded.shard,
      position = excluded.position, value_digest = excluded.value_digest
  `);
  return (row) =>
    insert(
      row.event_id ?? "",
      row.key ?? null,
      Number(row.shard),
      Number(row.position),
      row.value_digest ?? null,
      late,
    );
}

async function loadOrders(tx: Tx, spill: Spill, signal: AbortSignal): Promise<void> {
  const insert = orderInserter(spill, false);
  const batches = tx<Texts[]>`
    select order_id, user_id, amount::text, currency, (extract(epoch from placed_at) * 1000)::text as placed_at,
      event_id::text
    from orders
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    signal.throwIfAborted();
    batch.forEach(insert);
  }
}

async function loadOutbox(
  tx: Tx,
  spill: Spill,
  topic: string,
  signal: AbortSignal,
): Promise<void> {
  const insert = outboxInserter(spill, false);
  const batches = tx<Texts[]>`
    select event_id::text, key, shard::text, position::text, encode(sha256(value), 'hex') as value_digest
    from outbox where topic = ${topic}
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    signal.throwIfAborted();
    batch.forEach(insert);
  }
}

/**
 * Looks up, in a snapshot of now, events that the log announced and the first snapshot did not hold: orders that were
 * placed since. What is not found even now was never placed.
 */
export async function loadLateRows(
  sql: Sql,
  spill: Spill,
  source: RowSource,
  signal: AbortSignal,
): Promise<void> {
  const order = orderInserter(spill, true);
  const outbox = outboxInserter(spill, true);
  for (const batch of unexpected(spill)) {
    signal.throwIfAborted();
    const keys = batch.map(({ key }) => key);
    const events = new Set(batch.map(({ event }) => event));
    const rows = await sql<Texts[]>`
      select order_id, user_id, amount::text, currency, (extract(epoch from placed_at) * 1000)::text as placed_at,
        event_id::text
      from orders where order_id = any(${keys})
    `;
    rows.filter((row) => events.has(row.event_id ?? "")).forEach(order);
    const announcements = await sql<Texts[]>`
      select event_id::text, key, shard::text, position::text, encode(sha256(value), 'hex') as value_digest
      from outbox where topic = ${source.ordersTopic} and event_id = any(${[...events]}::uuid[])
    `;
    announcements.forEach(outbox);
  }
}

/** Relayed events without a row, in batches. Read whole first: the table that is read is not the one that grows. */
function* unexpected(spill: Spill): Iterable<{ event: string; key: string }[]> {
  let after = "";
  while (true) {
    const batch = spill.rows(
      `select distinct a.event, coalesce(a.order_id, a.key, '') as key from announced a
       where a.state = 'committed' and a.relayed and a.event > ?
         and not exists (select 1 from expected e where e.event = a.event)
       order by a.event limit ${rowsPerFetch}`,
      after,
    ).map((row) => ({ event: String(row.event), key: String(row.key).replaceAll("\0", "") }));
    if (batch.length === 0) return;
    yield batch;
    after = batch.at(-1)?.event ?? after;
  }
}
