/** Calculates the invoice of an order. A pure function: the same order and rate give the same ids and amounts. */
import { Decimal } from "decimal.js";
import { v5 as uuidv5 } from "uuid";
import { type InvoiceIssued, invoiceIssuedVersion, type OrderPlaced } from "./events.ts";
import { minorUnits } from "./minor_units.ts";

/** Enough digits for any amount that the schema lets in (15 before the point, 4 after) times a rate, exactly. */
const Exact = Decimal.clone({ precision: 100, rounding: Decimal.ROUND_HALF_EVEN });

/** Never change it: the ids of invoices that exist were made with it. */
const namespace = "6f2d3c58-3a0b-5c1e-9b7d-0d6c9e6a4f11";

/**
 * The invoice of one order.
 *
 * `amount` is net of tax and has no more decimals than its currency: `net` is the same amount. `tax = net × rate`, rounded
 * once, half-even; `gross = net + tax` then holds to the last digit.
 *
 * `event_id` and `invoice_id` derive from the order's `event_id` (UUID version 5): when a weaker guarantee invoices an
 * order twice, the copies carry the same ids and can be told from two orders.
 */
export function invoiceFor(
  order: OrderPlaced,
  { taxRate, issuedAt }: { readonly taxRate: string; readonly issuedAt: Date },
): InvoiceIssued {
  const decimals = minorUnits(order.currency);
  const net = new Exact(order.amount);
  if (decimals === undefined || net.decimalPlaces() > decimals) {
    // The schema lets neither through. An amount is never rounded: that would bill what nobody ordered.
    throw new RangeError(`Cannot bill ${order.amount} ${order.currency}: it has no such unit`);
  }
  const tax = net.times(taxRate).toDecimalPlaces(decimals);
  return {
    event_id: uuidv5(`event:${order.event_id}`, namespace),
    invoice_id: uuidv5(`invoice:${order.event_id}`, namespace),
    order_id: order.order_id,
    user_id: order.user_id,
    net: net.toFixed(decimals),
    tax: tax.toFixed(decimals),
    gross: net.plus(tax).toFixed(decimals),
    tax_rate: new Exact(taxRate).toFixed(),
    currency: order.currency,
    occurred_at: issuedAt.toISOString(),
    causation: order.event_id,
    schema_version: invoiceIssuedVersion,
  };
}
