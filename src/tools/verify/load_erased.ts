/** Copies the list of erased orders into the scratch database. Writes nothing in Postgres. */
import type { Queryable } from "../../engine/postgres/sql.ts";
import type { Spill } from "./spill.ts";

const rowsPerFetch = 2_000;

/**
 * `late` ones were not in the snapshot that the read model is of: there the name still stood, and may stand in the rows that
 * were looked up since, or not.
 */
export async function loadErased(
  sql: Queryable,
  spill: Spill,
  { late = false, orderId }: { readonly late?: boolean; readonly orderId?: string } = {},
): Promise<void> {
  const insert = spill.inserter(
    "insert into erased values (?, ?, ?) on conflict (order_id) do nothing",
  );
  const batches = sql<{ order_id: string; pseudonym: string }[]>`
    select order_id, pseudonym from erased_orders
    where ${orderId === undefined ? sql`true` : sql`order_id = ${orderId}`}
  `.cursor(rowsPerFetch);
  for await (const batch of batches) {
    for (const { order_id, pseudonym } of batch) insert(order_id, pseudonym, late);
  }
}

/** How many orders are erased, in a sentence; nothing where none is. */
export function notesOfErased(spill: Spill): string[] {
  const orders = spill.count("select count(*) from erased");
  if (orders === 0) return [];
  return [
    `${orders} order(s) are erased: their rows were checked to name nobody, and not whether the name in the topics is ` +
    `the one that was ordered with`,
  ];
}
