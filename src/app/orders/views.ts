/** The read model of the reference application: orders as they stand, and totals by customer. It never reads the log. */
import { defineProjection, type Projection } from "../../engine/projection/mod.ts";
import { orderViewChecks } from "./view_checks.ts";
import { readViewFact, type ViewFact, type ViewTopics } from "./view_events.ts";
import {
  addDeadLetteredInTransaction,
  addInvoicedInTransaction,
  addPlacedInTransaction,
} from "./view_rows.ts";
import { customerTotals, orderView } from "./view_tables.ts";

/**
 * The projection over `orders`, `invoices` and the dead letters of `orders`. The three are folded independently and in
 * any interleaving with the same outcome, because no column of {@linkcode orderView} has two topics that write it and
 * {@linkcode customerTotals} only adds.
 *
 * - An order is there once its OrderPlaced is folded; a line that only an invoice or a dead letter speaks of has no
 *   `user_id` yet, and readers leave it out.
 * - Bytes that are no OrderPlaced leave nothing here, on the topic and in the dead letters alike.
 * - The invoice shown is the latest; `invoices_count` keeps count of all, so a duplicate does not hide.
 */
export function orderViews(topics: ViewTopics): Projection<ViewFact> {
  return defineProjection<ViewFact>({
    name: "order_views",
    version: 1,
    topics: [topics.orders, topics.invoices, topics.deadLetters],
    // The latest dead letter of an order counts, however often it is folded.
    replaceable: [topics.deadLetters],
    tables: [orderView, customerTotals],
    decode: (record) => readViewFact(topics, record),
    async apply(tx, facts, table) {
      await addPlacedInTransaction(tx, facts.filter((fact) => fact.kind === "placed"), table);
      await addInvoicedInTransaction(tx, facts.filter((fact) => fact.kind === "invoiced"), table);
      const deadLettered = facts.filter((fact) => fact.kind === "dead-lettered");
      await addDeadLetteredInTransaction(tx, deadLettered, table);
    },
    checks: orderViewChecks,
  });
}
