/** The facts of the order pipeline and their schemas: strict when we write, lenient when we read. Owns no I/O. */
import { z } from "zod";

/** The type name of {@linkcode OrderPlaced}, as it stands in the outbox and in the `event_type` header. */
export const orderPlacedType = "OrderPlaced";
/** The type name of {@linkcode InvoiceIssued}, beside {@linkcode orderPlacedType}. */
export const invoiceIssuedType = "InvoiceIssued";

/** A decimal number as text, without exponent: `12`, `12.50`. Never a float, on no way. */
const decimal = z.string().regex(/^-?\d{1,40}(\.\d{1,20})?$/, "a decimal number as text");
/** Ten digits fewer, so that what is calculated from it fits too. */
const amount = z.string().regex(/^(?=.*[1-9])\d{1,30}(\.\d{1,20})?$/, {
  error: "a decimal number above zero, as text",
});
const currency = z.string().regex(/^[A-Z]{3}$/, "three capital letters (ISO 4217)");
const id = z.string().min(1).max(256);
const utcTime = z.iso.datetime({ error: "a time in UTC such as 2026-01-31T12:00:00.000Z" });

const orderPlacedFields = {
  event_id: z.uuid(),
  order_id: id,
  user_id: id,
  amount,
  currency: currency.default("USD"),
  occurred_at: utcTime,
  /** Since version 2: where the order came from. Version 1 knew the web shop only, hence the default. */
  channel: z.string().min(1).max(64).default("web"),
  schema_version: z.int().min(1).default(1),
};

/**
 * An order was placed, as read: versions 1 and 2 pass, fields of later versions are ignored, and what a version did
 * not have yet takes its default. A change that this cannot bear is a new topic (`orders.v2`).
 */
export const orderPlaced = z.object(orderPlacedFields);
/** A placed order; `amount` is net of tax. */
export type OrderPlaced = Readonly<z.output<typeof orderPlaced>>;

/** The version that this program writes. */
export const orderPlacedVersion = 2;

const orderPlacedStrict = z.strictObject({
  ...orderPlacedFields,
  event_id: z.uuidv7(),
  schema_version: z.literal(orderPlacedVersion),
});

const invoiceIssuedFields = {
  event_id: z.uuid(),
  invoice_id: id,
  order_id: id,
  user_id: id,
  net: decimal,
  tax: decimal,
  gross: decimal,
  tax_rate: decimal,
  currency,
  occurred_at: utcTime,
  /** The `event_id` of the order that was invoiced. */
  causation: z.uuid(),
  schema_version: z.int().min(1).default(1),
};

/** An invoice was issued, as read. */
export const invoiceIssued = z.object(invoiceIssuedFields);
/** An issued invoice: `gross = net + tax`, all in `currency`; `tax_rate` is a fraction such as `0.19`. */
export type InvoiceIssued = Readonly<z.output<typeof invoiceIssued>>;

/** The version that this program writes. */
export const invoiceIssuedVersion = 1;

/** As written: no field more, no field less. A flow validates its outputs with it. */
export const invoiceIssuedStrict = z.strictObject({
  ...invoiceIssuedFields,
  schema_version: z.literal(invoiceIssuedVersion),
});

const encoder = new TextEncoder();

/** The bytes of an order event. Throws a ZodError on a field that readers could not rely on: that is our own bug. */
export function encodeOrderPlaced(event: OrderPlaced): Uint8Array {
  return encoder.encode(JSON.stringify(orderPlacedStrict.parse(event)));
}

/** The bytes of an invoice event; as {@linkcode encodeOrderPlaced}. */
export function encodeInvoiceIssued(event: InvoiceIssued): Uint8Array {
  return encoder.encode(JSON.stringify(invoiceIssuedStrict.parse(event)));
}
