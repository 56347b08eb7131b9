/**
 * Reads the pipeline's events for the checker: a second reading of the contract (DESIGN.md), on purpose not the program's
 * own schemas, so that a mistake there does not hide itself.
 */
import { canonicalDecimal, isSum } from "./decimals.ts";

/** An OrderPlaced whose required fields are there and of the right shape. */
export interface PlacedEvent {
  readonly eventId: string;
  readonly orderId: string;
  readonly userId: string;
  readonly amount: string;
  readonly currency: string;
  readonly occurredAtMs: number;
}

/** An InvoiceIssued, likewise. */
export interface InvoiceEvent extends Omit<PlacedEvent, "amount"> {
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

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The JSON object in these bytes; undefined where there is none. */
export function readObject(value: Uint8Array | null): Record<string, unknown> | undefined {
  if (value === null) return undefined;
  try {
    const parsed: unknown = JSON.parse(utf8.decode(value));
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
    return { ...parsed };
  } catch {
    return undefined;
  }
}

/** The order in a JSON object; undefined where a required field is missing or wrong. */
export function readPlaced(fields: Record<string, unknown> | undefined): PlacedEvent | undefined {
  if (fields === undefined) return undefined;
  const common = readCommon(fields, fields.currency ?? "USD");
  const amount = canonicalDecimal(fields.amount);
  const channel = fields.channel ?? "web";
  if (common === undefined || amount === null || /^(-|0$)/.test(amount)) return undefined;
  if (typeof channel !== "string" || channel.length < 1 || channel.length > 64) return undefined;
  return { ...common, amount };
}

/** The invoice in a JSON object; undefined where a required field is missing or wrong. */
export function readInvoice(
  fields: Record<string, unknown> | undefined,
): InvoiceEvent | undefined {
  if (fields === undefined) return undefined;
  const common = readCommon(fields, fields.currency);
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

function readCommon(fields: Record<string, unknown>, currency: unknown) {
  const eventId = readUuid(fields.event_id);
  const orderId = readName(fields.order_id);
  const userId = readName(fields.user_id);
  const occurredAtMs = readTime(fields.occurred_at);
  const version = fields.schema_version ?? 1;
  if (eventId === undefined || orderId === undefined || userId === undefined) return undefined;
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) return undefined;
  if (occurredAtMs === undefined || !Number.isInteger(version) || Number(version) < 1) {
    return undefined;
  }
  return { eventId, orderId, userId, currency, occurredAtMs };
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
  return Number.isNaN(time) ? undefined : time;
}
