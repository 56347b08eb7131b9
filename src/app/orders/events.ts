/** The facts of the order pipeline and their schemas: strict when we write, lenient when we read. Owns no I/O. */
import { z } from "zod";
import {
  amountPattern,
  currencyPattern,
  currencyProblem,
  minorUnitsProblem,
  plainText,
  utcTime,
  uuid,
} from "./fields.ts";

/** The type name of {@linkcode OrderPlaced}, as it stands in the outbox and in the `event_type` header. */
export const orderPlacedType = "OrderPlaced";
/** The type name of {@linkcode InvoiceIssued}, beside {@linkcode orderPlacedType}. */
export const invoiceIssuedType = "InvoiceIssued";

/** A decimal number as text, without exponent: `12`, `12.50`. Never a float, on no way. */
const decimal = z.string().regex(/^-?\d{1,40}(\.\d{1,20})?$/, "a decimal number as text");
const amount = z.string().regex(amountPattern, {
  error: "decimal text above zero, with at most 15 digits before the point and no exponent",
});
const currencyCode = z.string().regex(currencyPattern, "three capital letters (ISO 4217)");
const id = plainText(256);

const orderPlacedFields = {
  event_id: uuid,
  order_id: id,
  user_id: id,
  amount,
  currency: currencyCode.superRefine(refuse(currencyProblem)).default("USD"),
  occurred_at: utcTime,
  /** Since version 2: where the order came from. Version 1 knew the web shop only, hence the default. */
  channel: plainText(64).default("web"),
  schema_version: z.int().min(1).default(1),
};

/**
 * An order was placed, as read, and the one definition of what is an order: the API refuses what does not fit, the flow
 * dead-letters it, the read model passes over it, and the checker holds them to it. (A record must have the order's id as
 * its key, too: `order_record.ts`.) Versions 1 and 2 pass, fields of later versions are ignored, and what a version did
 * not have yet takes its default. A change that this cannot bear is a new topic (`orders.v2`).
 */
export const orderPlaced = z.object(orderPlacedFields).superRefine(inMinorUnits);
/** A placed order; `amount` is net of tax. */
export type OrderPlaced = Readonly<z.output<typeof orderPlaced>>;

/** The version that this program writes. */
export const orderPlacedVersion = 2;

/** As written: no field more, no field less. */
export const orderPlacedStrict = z.strictObject({
  ...orderPlacedFields,
  event_id: z.uuidv7(),
  schema_version: z.literal(orderPlacedVersion),
}).superRefine(inMinorUnits);

const invoiceIssuedFields = {
  event_id: uuid,
  invoice_id: id,
  order_id: id,
  user_id: id,
  net: decimal,
  tax: decimal,
  gross: decimal,
  tax_rate: decimal,
  currency: currencyCode,
  occurred_at: utcTime,
  /** The `event_id` of the order that was invoiced. */
  causation: uuid,
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

/** Makes a check of a function that says what is wrong. */
function refuse(problemOf: (text: string) => string | undefined) {
  return (text: string, context: z.RefinementCtx) => {
    const message = problemOf(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  };
}

function inMinorUnits(
  { amount, currency }: { readonly amount: string; readonly currency: string },
  context: z.RefinementCtx,
): void {
  const message = minorUnitsProblem(amount, currency);
  if (message !== undefined) context.addIssue({ code: "custom", path: ["amount"], message });
}

const encoder = new TextEncoder();

/** The bytes of an order event. Throws a ZodError on a field that readers could not rely on: that is our own bug. */
export function encodeOrderPlaced(event: OrderPlaced): Uint8Array {
  return encoder.encode(JSON.stringify(orderPlacedStrict.parse(event)));
}

/** The bytes of an invoice event; as {@linkcode encodeOrderPlaced}. */
export function encodeInvoiceIssued(event: InvoiceIssued): Uint8Array {
  return encoder.encode(JSON.stringify(invoiceIssuedStrict.parse(event)));
}
