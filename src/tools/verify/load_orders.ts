/** Copies order rows and outbox rows into the scratch database. Writes nothing in Postgres. */
import type { Sql, Tx } from "../../engine/postgres/sql.ts";
import { canonicalDecimal } from "./decimals.ts";
import { ms, type Texts } from "./load_view.ts";
import type { RowSource } from "./row_source.ts";
import type { Spill } from "./spill.ts";

const rowsPerFetch = 2_000;

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

/** Order rows; the one of `orderId` where it is given. */
export async function loadOrders(
  tx: Tx,
  spill: Spill,
  signal: AbortSignal,
  orderId?: string,
): Promise<void> {
  const insert = orderInserter(spill, false);
  const batches = tx<Texts[]>`
    select order_id, user_id, amount::text, currency, (extract(epoch from placed_at) * 1000)::text as placed_at,
      event_id::text
    from orders where ${orderId === undefined ? tx`true` : tx`order_id = ${orderId}`}
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    signal.throwIfAborted();
    batch.forEach(insert);
  }
}

/** Outbox rows of this topic; those of one key where it is given. */
export async function loadOutbox(
  tx: Tx,
  spill: Spill,
  topic: string,
  signal: AbortSignal,
  key?: string,
): Promise<void> {
  const insert = outboxInserter(spill, false);
  const batches = tx<Texts[]>`
    select event_id::text, key, shard::text, position::text, encode(sha256(value), 'hex') as value_digest
    from outbox
    where topic = ${topic} and ${key === undefined ? tx`true` : tx`key = ${key}`}
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    signal.throwIfAborted();
    batch.forEach(insert);
  }
}

/**
 * Looks up, in a snapshot of now, events that the log published and the first snapshot did not hold: orders that were
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
    const publications = await sql<Texts[]>`
      select event_id::text, key, shard::text, position::text, encode(sha256(value), 'hex') as value_digest
      from outbox where topic = ${source.ordersTopic} and event_id = any(${[...events]}::uuid[])
    `;
    publications.forEach(outbox);
  }
}

/** Relayed events without a row, in batches. Read whole first: the table that is read is not the one that grows. */
function* unexpected(spill: Spill): Iterable<{ event: string; key: string }[]> {
  let after = "";
  while (true) {
    const batch = spill.rows(
      `select distinct a.event, coalesce(a.order_id, a.key, '') as key from published a
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
