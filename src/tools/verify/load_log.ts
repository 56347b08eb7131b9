/** Copies the three topics from the independent reader into the scratch database. Judges nothing. */
import { cutFactNames } from "../../engine/core/fit_dead_letter.ts";
import { isOfAnotherGroup } from "../../engine/core/dead_letter.ts";
import { isForAnother } from "../../engine/core/redriven_for.ts";
import { headerText } from "../../engine/core/record.ts";
import {
  isWhole,
  type OrderProblem,
  readInvoice,
  readObject,
  readPlaced,
  readUuid,
} from "./read_events.ts";
import type { LogRecord } from "./reader_frames.ts";
import { tripHeaderNames } from "../../engine/core/trips.ts";
import type { Spill } from "./spill.ts";

/** Headers that a dead letter or a redrive adds: what is left must be the original's, byte for byte. */
export const addedHeaders: readonly string[] = [
  "x-original-topic",
  "x-original-partition",
  "x-original-offset",
  "x-original-timestamp",
  "x-error",
  "x-error-class",
  "x-attempts",
  "x-consumer-group",
  "x-redriven-for",
  "x-redriven-from",
  ...tripHeaderNames,
  "x-parked",
  "x-original-last-offset",
  "x-original-records",
  "x-original-batch-bytes",
  "x-by-reference",
  ...cutFactNames,
  "kafka_dlt-*",
];

/** One inserter for each topic. */
export interface LogLoader {
  readonly published: (record: LogRecord) => void;
  readonly invoiced: (record: LogRecord) => void;
  readonly dead: (record: LogRecord) => void;
}

/**
 * Inserters for the three topics. Dead letters of other topics than `ordersTopic` and of other groups than
 * `invoicingGroup` are somebody else's and left out; so is what becomes of orders that were put back for another group.
 * `orderProblem` decides which records are orders; where it is absent, those do that say all that an order needs.
 */
export function loadLog(
  spill: Spill,
  ordersTopic: string,
  orderProblem: OrderProblem = incomplete,
  invoicingGroup?: string,
): LogLoader {
  const publish = spill.inserter(
    "insert into published values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const invoice = spill.inserter(
    "insert into invoiced values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const addDeadLetter = spill.inserter(
    "insert into dead values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const range = spill.inserter("insert into buried_range values (?, ?, ?, ?)");
  return {
    published(record) {
      const { unreadFrom } = record;
      if (unreadFrom !== undefined) {
        const why = `records from offset ${unreadFrom} on are larger than the checker unpacks`;
        const nothing = [null, null, null, null, null] as const;
        return publish(
          ...placeOf(record),
          null,
          false,
          null,
          null,
          null,
          false,
          why,
          ...nothing,
          null,
          null,
          false,
        );
      }
      const { fields, order, problem } = placedIn(record, orderProblem);
      const relayed = readUuid(headerText(record.headers, "event_id"));
      // Put back for another flow: the invoicing flow passes it over, and the dead letter is that flow's.
      const forOther = invoicingGroup !== undefined && isForAnother(record, invoicingGroup);
      const redrivenFrom = forOther ? null : headerText(record.headers, "x-redriven-from") ?? null;
      const from = /\/(\d{1,9})\/(\d{1,16})$/.exec(redrivenFrom ?? "");
      publish(
        ...placeOf(record),
        relayed ?? readUuid(fields?.event_id) ?? null,
        relayed !== undefined,
        redrivenFrom,
        from?.[1] === undefined ? null : Number(from[1]),
        from?.[2] === undefined ? null : Number(from[2]),
        problem === undefined,
        problem ?? null,
        order.orderId ?? null,
        order.userId ?? null,
        order.amount ?? null,
        order.currency ?? null,
        order.occurredAtMs ?? null,
        record.valueDigest,
        record.digest,
        forOther,
      );
    },
    invoiced(record) {
      const fields = readObject(record.value);
      const event = readInvoice(fields);
      invoice(
        ...placeOf(record),
        event?.cause ?? readUuid(fields?.causation) ?? null,
        event !== undefined,
        event?.eventId ?? null,
        event?.orderId ?? null,
        event?.invoiceId ?? null,
        event?.userId ?? null,
        event?.currency ?? null,
        event?.net ?? null,
        event?.tax ?? null,
        event?.gross ?? null,
        event?.taxRate ?? null,
        event?.addsUp ?? false,
        event?.occurredAtMs ?? null,
      );
    },
    dead(record) {
      // NUL stands in no Postgres text, so the read model cannot hold it either.
      const header = (name: string) =>
        headerText(record.headers, name)?.replaceAll("\0", "\uFFFD") ?? null;
      const topic = header("x-original-topic");
      if (topic !== null && topic !== ordersTopic) return;
      if (invoicingGroup !== undefined && isOfAnotherGroup(record, invoicingGroup)) return;
      const { fields, order, problem } = placedIn(record, orderProblem);
      const partition = readCount(header("x-original-partition"));
      const first = readCount(header("x-original-offset"));
      // A batch that was not unpacked is one letter. It is matched at the batch's last offset, which every reader knows.
      const last = header("x-by-reference") === "true"
        ? readCount(header("x-original-last-offset"))
        : null;
      if (last !== null) range(partition, first, last, record.state);
      const cut = header("x-truncated")?.split(",") ?? [];
      addDeadLetter(
        ...placeOf(record),
        readUuid(header("event_id")) ?? readUuid(fields?.event_id) ?? null,
        problem === undefined,
        order.orderId ?? null,
        partition,
        last ?? first,
        last === null && cut.length === 0 ? record.digest : null,
        last !== null
          ? null
          : cut.includes("value")
          ? header("x-original-value-sha256") ?? "none"
          : record.valueDigest,
        last === null && !cut.includes("key"),
        header("x-error"),
        header("x-error-class"),
        header("x-attempts"),
      );
    },
  };
}

function placedIn(record: LogRecord, orderProblem: OrderProblem) {
  const fields = readObject(record.value);
  return { fields, order: readPlaced(fields), problem: orderProblem(record) };
}

const incomplete: OrderProblem = ({ value }) =>
  isWhole(readPlaced(readObject(value))) ? undefined : "a field is missing or wrong";

function placeOf({ partition, offset, state, timestamp, key }: LogRecord) {
  return [partition, offset, state, timestamp, keyText(key)] as const;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A key as text, to the last byte, or in base64 where it is none. */
export function keyText(key: Uint8Array | null): string | null {
  if (key === null) return null;
  try {
    return utf8.decode(key);
  } catch {
    return `base64:${key.toBase64()}`;
  }
}

function readCount(text: string | null): number | null {
  return text !== null && /^\d{1,16}$/.test(text) ? Number(text) : null;
}
