/** Copies the read model into the scratch database, in the caller's snapshot. Writes nothing in Postgres. */
import type { Tx } from "../../engine/postgres/sql.ts";
import { canonicalDecimal } from "./decimals.ts";
import type { Spill } from "./spill.ts";

const rowsPerFetch = 2_000;

/** How far each partition has been folded into the read model. */
export async function loadPositions(tx: Tx, spill: Spill, projection: string): Promise<void> {
  const insert = spill.inserter("insert into projected values (?, ?, ?)");
  const rows = await tx<{ topic: string; partition: number; next_offset: string }[]>`
    select topic, partition, next_offset::text from projection_positions where projection = ${projection}
  `;
  for (const row of rows) insert(row.topic, row.partition, Number(row.next_offset));
}

/** A row with every column as text. */
export type Texts = Readonly<Record<string, string | null>>;

/** Milliseconds without their fraction, which a float of so many digits would round up. */
export function ms(text: string | null | undefined): number | null {
  if (text == null) return null;
  const [whole, fraction = ""] = text.split(".");
  return Number(whole) - (text.startsWith("-") && /[1-9]/.test(fraction) ? 1 : 0);
}

/** The lines of `order_view`; of one order where it is given. */
export async function loadView(tx: Tx, spill: Spill, orderId?: string): Promise<void> {
  const insert = spill.inserter(
    "insert into viewed values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const batches = tx<Texts[]>`
    select order_id, user_id, amount::text, currency, (extract(epoch from placed_at) * 1000)::text as placed_at,
      placed_count::text, status, invoice_id, net::text, tax::text, gross::text, tax_rate::text,
      (extract(epoch from invoiced_at) * 1000)::text as invoiced_at, invoices_count::text,
      dead_letter_reason, dead_letter_class, (extract(epoch from dead_lettered_at) * 1000)::text as dead_lettered_at
    from order_view where ${orderId === undefined ? tx`true` : tx`order_id = ${orderId}`}
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

/** The rows of `customer_totals`. */
export async function loadTotals(tx: Tx, spill: Spill): Promise<void> {
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
