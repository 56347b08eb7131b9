/**
 * The headers that make a record a CloudEvent in binary mode: attributes beside the bytes, which stay as they are
 * (CloudEvents 1.0.2, Kafka Protocol Binding, section 3.2).
 */
import { type Header, headerText, textHeader } from "./record.ts";

/** What is said of an event beside its data. */
export interface CloudEvent {
  /** With `source` unique for ever: the same however often the event is delivered. */
  readonly id: string;
  /** Who says so: a URI reference. */
  readonly source: string;
  /** What kind of event it is, such as `InvoiceIssued`. */
  readonly type: string;
  /** When it happened. */
  readonly time: Date;
}

const specversion: Header = textHeader("ce_specversion", "1.0");

/** The headers of an event. */
export function cloudEventHeaders({ id, source, type, time }: CloudEvent): Header[] {
  return [
    specversion,
    textHeader("ce_id", id),
    textHeader("ce_source", source),
    textHeader("ce_type", type),
    textHeader("ce_time", time.toISOString()),
  ];
}

/** Whether a header of that name is an attribute of a CloudEvent. */
export function isCloudEventHeader(name: string): boolean {
  return name.startsWith("ce_");
}

/** When the event of a record happened, milliseconds since the epoch: its `ce_time`, else the record's own time. */
export function happenedAt(
  { headers, timestamp }: { readonly headers: readonly Header[]; readonly timestamp: number },
): number {
  const said = Date.parse(headerText(headers, "ce_time") ?? "");
  return Number.isNaN(said) ? timestamp : said;
}
