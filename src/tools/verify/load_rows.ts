/** Copies what Postgres says into the scratch database, from one snapshot at a time. Writes nothing in Postgres. */
import type { RowSource } from "./row_source.ts";
import type { Sql, Tx } from "../../engine/postgres/sql.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import { loadErased } from "./load_erased.ts";
import { loadOrders, loadOutbox } from "./load_orders.ts";
import { loadPositions, loadTotals, loadView } from "./load_view.ts";
import type { Spill } from "./spill.ts";

/** Tables that are not there: the part of the pipeline that owns them was never installed in this database. */
export interface LoadedRows {
  readonly missingTables: readonly string[];
}

/**
 * Order rows, outbox rows, read model and its positions as they stand at one moment. Read-only and without an xid of its
 * own, so that it holds back no relay (the barrier waits for xids, not for snapshots).
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function loadRows(
  sql: Sql,
  spill: Spill,
  source: RowSource,
  signal: AbortSignal,
): Promise<LoadedRows> {
  const work = async (tx: Tx) => {
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
    await load("order_view", () => loadView(tx, spill, source.orderId));
    if (source.orderId === undefined) await load("customer_totals", () => loadTotals(tx, spill));
    await load("erased_orders", () => loadErased(tx, spill, { orderId: source.orderId }));
    await load("orders", () => loadOrders(tx, spill, signal, source.orderId));
    await load(
      "outbox",
      () => loadOutbox(tx, spill, source.ordersTopic, signal, source.orderId),
    );
    return { missingTables };
  };
  return await translatingErrors(() =>
    sql.begin("isolation level repeatable read read only", work)
  );
}

/** A million rows take longer than a request may. The checker's own signal bounds it. */
async function liftTimeouts(tx: Tx): Promise<void> {
  await tx`select set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true)`;
}
