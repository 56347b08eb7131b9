/**
 * Reads the fields of the pipeline's events for the checker: a second reading, on purpose not by the program's own schemas,
 * so that a mistake there does not hide itself. Which records are orders it does not decide: that has one definition, which
 * the checker is handed ({@linkcode OrderProblem}).
 */
import { parseJsonValue, type RecordContent } from "../../engine/core/json_text.ts";
import { canonicalDecimal, isSum } from "./decimals.ts";

/** Says why a record of the orders topic, or a dead letter of one, is no order; undefined where it is one. */
export type OrderProblem = (record: RecordContent) => string | undefined;

/** What a record says of an order, valid or not: each field where it has the right shape, else undefined. */
export interface PlacedFields {
  readonly orderId?: string;
  readonly userId?: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly occurredAtMs?: number;
}

/** An InvoiceIssued whose required fields are there and of the right shape. */
export interface InvoiceEvent {
  readonly eventId: string;
  readonly orderId: string;
  readonly userId: string;
  readonly currency: string;
  readonly occurredAtMs: number;
  readonly invoiceId: string;
  /** The `event_id` of the OrderPlaced that was invoiced. */
  readonly cause: string;
  readonly net: string;
  readonly tax: string;
  readonly gross: string;
  readonly taxRate: string;
  /** `gross` is exactly `net + tax`. */
  readonly addsUp: boolean;
}

/** The JSON object in these bytes; undefined where there is none. */
export function readObject(value: Uint8Array | null): Record<string, unknown> | undefined {
  if (value === null) return undefined;
  try {
    const parsed = parseJsonValue({ value });
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    return { ...parsed };
  } catch {
    return undefined;
  }
}

/** What a JSON object says of an order. */
export function readPlaced(fields: Record<string, unknown> | undefined): PlacedFields {
  if (fields === undefined) return {};
  return {
    orderId: readName(fields.order_id),
    userId: readName(fields.user_id),
    amount: canonicalDecimal(fields.amount) ?? undefined,
    currency: readCurrency(fields.currency === undefined ? "USD" : fields.currency),
    occurredAtMs: readTime(fields.occurred_at),
  };
}

/** Whether all is there that an order needs. */
export function isWhole(placed: PlacedFields): boolean {
  return [placed.orderId, placed.userId, placed.amount, placed.currency, placed.occurredAtMs]
    .every((field) => field !== undefined);
}

/** The invoice in a JSON object; undefined where a required field is missing or wrong. */
export function readInvoice(
  fields: Record<string, unknown> | undefined,
): InvoiceEvent | undefined {
  if (fields === undefined) return undefined;
  const common = readCommon(fields);
  const cause = readUuid(fields.causation ?? fields.causation_id);
  const invoiceId = readName(fields.invoice_id);
  const net = canonicalDecimal(fields.net);
  const tax = canonicalDecimal(fields.tax);
  const gross = canonicalDecimal(fields.gross);
  const taxRate = canonicalDecimal(fields.tax_rate);
  if (common === undefined || cause === undefined || invoiceId === undefined) return undefined;
  if (net === null || tax === null || gross === null || taxRate === null) return undefined;
  return { ...common, invoiceId, cause, net, tax, gross, taxRate, addsUp: isSum(gross, net, tax) };
}

function readCommon(fields: Record<string, unknown>) {
  const eventId = readUuid(fields.event_id);
  const orderId = readName(fields.order_id);
  const userId = readName(fields.user_id);
  const currency = readCurrency(fields.currency);
  const occurredAtMs = readTime(fields.occurred_at);
  const version = fields.schema_version ?? 1;
  if (eventId === undefined || orderId === undefined || userId === undefined) return undefined;
  if (currency === undefined || occurredAtMs === undefined) return undefined;
  if (!Number.isInteger(version) || Number(version) < 1) return undefined;
  return { eventId, orderId, userId, currency, occurredAtMs };
}

function readCurrency(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Z]{3}$/.test(value) ? value : undefined;
}

/** A UUID of RFC 9562 in lower case: version and variant count. */
export function readUuid(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
  return shape.test(value) ? value.toLowerCase() : undefined;
}

/** Text that Postgres can hold: no NUL, no lone surrogate. */
function readName(value: unknown): string | undefined {
  if (typeof value !== "string" || value.length < 1 || value.length > 256) return undefined;
  return value.includes("\0") || !value.isWellFormed() ? undefined : value;
}

function readTime(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/.test(value)) return undefined;
  const time = Date.parse(value);
  // Date.parse takes 30 February for 2 March, and 24:00 for the next day.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(value.slice(0, 16))) {
    return undefined;
  }
  return time;
}
