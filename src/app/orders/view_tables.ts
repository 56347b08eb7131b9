/** The tables of the read model. They are made by the projection and never by a migration, so that a rebuild can make them anew. */
import type { ProjectionTable } from "../../engine/projection/mod.ts";

/**
 * One line for each order that any of the three topics speaks of. Topics are folded independently, so every column is
 * written from one topic only; the status follows from them, whichever came first:
 * - an invoice stands, whatever else is said of the order;
 * - a dead letter holds until the order is on its topic again behind it (a redrive);
 * - the place on the topic is not comparable where the number of partitions was changed in between; the dead letter
 *   holds then, until the invoice.
 *
 * A line without `user_id` is of an order whose OrderPlaced is not folded yet. It is not shown to anyone.
 */
export const orderView: ProjectionTable = {
  name: "order_view",
  ddl: (table) => `
    create table ${table} (
      order_id text collate "C" primary key,

      -- from orders: the first OrderPlaced, and how many there were (a redrive repeats it)
      user_id text collate "C",
      amount numeric check (amount >= 0),
      currency text,
      placed_at timestamptz,
      placed_count bigint not null default 0 check (placed_count >= 0),
      placed_partition int,
      placed_offset bigint,

      -- from invoices: the latest InvoiceIssued, and how many there were (more than one: billed twice)
      invoice_id text,
      net numeric,
      tax numeric,
      gross numeric,
      tax_rate numeric,
      invoiced_at timestamptz,
      invoices_count bigint not null default 0 check (invoices_count >= 0),

      -- from the dead letters: the latest of an OrderPlaced, and where that OrderPlaced stood
      dead_letter_reason text,
      dead_letter_class text,
      dead_lettered_at timestamptz,
      dead_letter_partition int,
      dead_letter_offset bigint,

      status text not null generated always as (
        case
          when invoices_count > 0 then 'invoiced'
          when dead_letter_offset is null then 'placed'
          when placed_partition = dead_letter_partition and placed_offset > dead_letter_offset
            then 'placed'
          else 'dead-lettered'
        end
      ) stored check (status in ('placed', 'invoiced', 'dead-lettered')),

      check ((user_id is null) = (placed_count = 0)),
      check ((invoice_id is null) = (invoices_count = 0))
    );
  `,
};

/**
 * What each customer ordered and was billed, by currency. An order counts once, however often it was placed; an invoice
 * counts each time, so `invoices_count` above the number of invoiced orders is a customer billed twice.
 */
export const customerTotals: ProjectionTable = {
  name: "customer_totals",
  ddl: (table) => `
    create table ${table} (
      user_id text collate "C" not null,
      currency text collate "C" not null,
      orders_count bigint not null default 0 check (orders_count >= 0),
      invoices_count bigint not null default 0 check (invoices_count >= 0),
      amount_total numeric not null default 0,
      invoiced_total numeric not null default 0,
      primary key (user_id, currency)
    -- Rows that are written again and again: with room on their page no index entry is made anew.
    ) with (fillfactor = 50);
  `,
};
