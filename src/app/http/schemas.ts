/** What goes in and out of the API, as zod schemas: they validate requests and make the OpenAPI document. */
import { z } from "@hono/zod-openapi";
import {
  amountPattern,
  currencyPattern,
  currencyProblem,
  minorUnitsProblem,
  plainTextPattern,
} from "../orders/fields.ts";

/** The text of an order's fields, with errors for those who fill in a request. */
const plainText = (lengthMax: number) =>
  z.string({ error: (issue) => issue.input === undefined ? "is required" : "must be a string" })
    .min(1, "must not be empty")
    .max(lengthMax, `must be at most ${lengthMax} characters long`)
    .regex(
      plainTextPattern,
      "must not hold control characters or broken Unicode, or begin or end with white space",
    )
    .meta({ pattern: plainPattern });

/** The same for the document: other validators' expressions may have no flags, no `\p` and no look-around. */
const plainPattern = String
  .raw`^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$`;

/** A customer in a path or a query: any id that the API or another producer may have given. */
export const userId = plainText(256).openapi({ example: "customer-7" });

/** An order in a path: any id that the API or another producer may have given. */
export const orderIdInPath = plainText(256).openapi({ example: "order-1001" });

const amountText = 'must be decimal text such as "12.34", above zero, ' +
  "with at most 15 digits before the point and no more decimals than the currency has";
const decimalText = z.string().meta({ example: "12.34", pattern: "^\\d+(\\.\\d+)?$" });

/** The body of `POST /orders`. */
export const orderRequest = z.strictObject({
  user_id: plainText(128).openapi({ example: "customer-7" }),
  amount: z.string({
    error: (issue) =>
      issue.input === undefined
        ? "is required"
        : 'must be decimal text such as "12.34": a JSON number cannot carry decimals exactly',
  }).regex(amountPattern, amountText)
    .meta({
      description: "Net of tax",
      example: "12.34",
      pattern: "^(0|[1-9]\\d{0,14})(\\.\\d{1,4})?$",
    }),
  currency: z.string({ error: "must be a string" })
    .regex(currencyPattern, "must be three capital letters (ISO 4217)")
    .superRefine((code, context) => {
      const message = currencyPattern.test(code) ? currencyProblem(code) : undefined;
      if (message !== undefined) context.addIssue({ code: "custom", message });
    })
    .default("USD").meta({
      description: "An order in a currency without a tax rate is accepted, and dead-lettered",
      example: "USD",
    }),
  order_id: z.string({ error: "must be a string" }).regex(
    /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,127}$/,
    "must be 1 to 128 letters, digits or ._~:-, a letter or digit first",
  ).optional().meta({
    description: "Chosen by the client, unique for ever; made by the service where absent",
    example: "order-1001",
  }),
}, { error: (issue) => issue.code === "invalid_type" ? "must be a JSON object" : undefined })
  .superRefine(({ amount, currency }, context) => {
    const message = minorUnitsProblem(amount, currency);
    if (message !== undefined) context.addIssue({ code: "custom", path: ["amount"], message });
  }).openapi("OrderRequest");

/** The header that makes a retry safe. */
export const idempotencyKey = z.string().regex(
  /^[\x21-\x7e]{1,255}$/,
  "must be 1 to 255 printable ASCII characters without spaces",
).optional().meta({
  description: "The same key with the same body gives the same answer and places one order only",
  example: "0198f3c2-7d1e-7c3a-9f60-2f4b8a1d5e11",
});

const time = z.iso.datetime().meta({ example: "2026-01-31T12:00:00.000Z" });
const orderFields = {
  order_id: z.string().meta({ example: "order-1001" }),
  user_id: z.string().meta({ example: "customer-7" }),
  amount: decimalText,
  currency: z.string().meta({ example: "USD" }),
};

/** The answer to `POST /orders`. */
export const placedOrder = z.object({
  ...orderFields,
  status: z.literal("placed"),
  placed_at: time,
}).openapi("PlacedOrder");

/** An order and what became of it. */
export const order = z.object({
  ...orderFields,
  status: z.enum(["placed", "invoiced", "dead-lettered"]),
  placed_at: time,
  invoice: z.object({
    invoice_id: z.string(),
    net: decimalText,
    tax: decimalText,
    gross: decimalText,
    tax_rate: decimalText.meta({ example: "0.0825" }),
    invoiced_at: time,
  }).nullable(),
  dead_letter: z.object({
    reason: z.string().meta({ example: "there is no tax rate for XTS" }),
    dead_lettered_at: time,
  }).nullable(),
}).openapi("Order");

/** The parameters of `GET /orders`. */
export const ordersQuery = z.object({
  user_id: userId,
  cursor: z.string().max(1_024).optional().meta({
    description: "`next_cursor` of the page before",
  }),
  // Digits only: as numbers go `0x10`, `1e1` and an empty text would be ones, too.
  limit: z.string().regex(/^\d{1,9}$/, "must be a whole number in digits").transform(Number)
    .pipe(z.int().min(1, "must be 1 or more").max(200, "must be 200 or less")).optional()
    .transform((limit) => limit ?? 50)
    .openapi({ type: "integer", minimum: 1, maximum: 200, default: 50 }),
});

/** A page of orders, newest first. */
export const ordersPage = z.object({
  orders: z.array(order),
  next_cursor: z.string().nullable().meta({ description: "null on the last page" }),
}).openapi("OrdersPage");

/** The answer to `GET /customers/{id}/totals`. */
export const customerTotals = z.object({
  user_id: z.string(),
  totals: z.array(z.object({
    currency: z.string(),
    orders_count: z.int(),
    invoices_count: z.int(),
    amount_total: decimalText.meta({ description: "Net sum of the orders" }),
    invoiced_total: decimalText.meta({ description: "Gross sum of the invoices" }),
  })).meta({ description: "One entry for each currency; the read model follows the orders" }),
}).openapi("CustomerTotals");

/** The answer of `GET /healthz`. */
export const health = z.object({ status: z.literal("ok") }).openapi("Health");

/** The answer of `GET /readyz`, that of the worker too. */
export const readiness = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({
    name: z.string().meta({ example: "postgres" }),
    ok: z.boolean(),
    since: time,
    detail: z.string().meta({ description: "Why it is not ok; empty where it is" }),
  })),
}).openapi("Readiness");
