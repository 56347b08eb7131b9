/** What the read model takes from one record. It decodes; it never decides what becomes of a record it cannot read. */
import { v5 as uuidV5 } from "uuid";
import { isOfAnotherGroup } from "../../engine/dead_letters/mod.ts";
import { headerText, type InputRecord } from "../../engine/mod.ts";
import { readJsonEvent } from "../../engine/projection/mod.ts";
import { type InvoiceIssued, invoiceIssued, type OrderPlaced } from "./events.ts";
import { readOrder } from "./order_record.ts";

/** An OrderPlaced, with its place on the topic. */
export interface PlacedFact {
  readonly kind: "placed";
  readonly eventId: string;
  readonly order: OrderPlaced;
  readonly partition: number;
  readonly offset: number;
}

/** An InvoiceIssued. */
export interface InvoicedFact {
  readonly kind: "invoiced";
  readonly eventId: string;
  readonly invoice: InvoiceIssued;
}

/** An OrderPlaced that was given up. Bytes that were never an order are dead letters too, but no order's. */
export interface DeadLetteredFact {
  readonly kind: "dead-lettered";
  readonly eventId: string;
  readonly orderId: string;
  readonly reason: string;
  readonly errorClass: string;
  /** ISO 8601, UTC: when the dead letter was written; null where its timestamp is no time. */
  readonly deadLetteredAt: string | null;
  /** Where the OrderPlaced stood on its topic. */
  readonly originalPartition: number;
  readonly originalOffset: number;
}

/** One fact about one order. */
export type ViewFact = PlacedFact | InvoicedFact | DeadLetteredFact;

/** The topics of the read model. */
export interface ViewTopics {
  readonly orders: string;
  readonly invoices: string;
  readonly deadLetters: string;
  /** The consumer group of the invoicing flow: what another flow gives up says nothing of an order's invoice. */
  readonly invoicingGroup: string;
}

/** The fact in a record; undefined where there is none that the tables could hold. */
export function readViewFact(topics: ViewTopics, record: InputRecord): ViewFact | undefined {
  switch (record.topic) {
    case topics.orders:
      return readPlaced(record);
    case topics.invoices:
      return readInvoiced(record);
    case topics.deadLetters:
      return readDeadLettered(topics, record);
  }
}

function readPlaced(record: InputRecord): PlacedFact | undefined {
  const order = readOrder(record);
  if (order === undefined) return undefined;
  const { partition, offset } = record;
  return { kind: "placed", eventId: order.event_id, order, partition, offset };
}

function readInvoiced(record: InputRecord): InvoicedFact | undefined {
  const invoice = readJsonEvent(record, invoiceIssued);
  if (invoice === undefined) return undefined;
  return { kind: "invoiced", eventId: invoice.event_id, invoice };
}

/** The namespace of the ids that dead letters get, which have none of their own. */
const deadLetterIds = "5b0c3f4e-7d1a-5c86-9a43-0d9a7f0b8e21";

function readDeadLettered(
  { orders: ordersTopic, invoicingGroup }: ViewTopics,
  record: InputRecord,
): DeadLetteredFact | undefined {
  if (headerText(record.headers, "x-original-topic") !== ordersTopic) return undefined;
  if (isOfAnotherGroup(record, invoicingGroup)) return undefined;
  const order = readOrder(record);
  const originalPartition = readCount(record, "x-original-partition", 2 ** 31 - 1);
  const originalOffset = readCount(record, "x-original-offset", Number.MAX_SAFE_INTEGER);
  if (order === undefined || originalPartition === undefined || originalOffset === undefined) {
    return undefined;
  }
  return {
    kind: "dead-lettered",
    // A record that was given up twice because its transaction was weaker than exactly-once has one place of origin.
    eventId: uuidV5(`${ordersTopic}/${originalPartition}/${originalOffset}`, deadLetterIds),
    orderId: order.order_id,
    reason: storable(headerText(record.headers, "x-error") ?? "unknown"),
    errorClass: storable(headerText(record.headers, "x-error-class") ?? "unknown"),
    deadLetteredAt: isoTime(record.timestamp),
    originalPartition,
    originalOffset,
  };
}

function readCount(record: InputRecord, header: string, max: number): number | undefined {
  const text = headerText(record.headers, header) ?? "";
  return /^\d{1,16}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

/** The last moment whose year has four digits, milliseconds since the epoch. */
const timeMax = 253_402_300_799_999;

/** Kafka takes any int64 for a timestamp, and -1 for none. */
function isoTime(timestamp: number): string | null {
  return timestamp >= 0 && timestamp <= timeMax ? new Date(timestamp).toISOString() : null;
}

/** Without NUL and lone surrogates, which no `text` column takes. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}
