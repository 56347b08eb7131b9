/** Reads one dead letter for the page, as text that steers nobody. It moves no offset. */
import { plainText } from "../../engine/core/plain_text.ts";
import type { LogRange } from "../../engine/core/ports.ts";
import { formatPartition, type TopicPartition } from "../../engine/core/record.ts";
import { describeBytes } from "../../engine/dead_letters/describe_bytes.ts";
import { type Origin, readDeadLetter } from "../../engine/dead_letters/read_dead_letter.ts";
import { isoTime, timeText } from "../../engine/core/iso_time.ts";
import type { InputRecord } from "../../engine/core/record.ts";
import type { OpenReader } from "./dead_letter_tally.ts";

/** A dead letter, whole. Every text is escaped: control characters and those that turn its direction are written out. */
export interface LetterDetails {
  /** PARTITION/OFFSET in the dead-letter topic. */
  readonly address: string;
  /** ISO 8601, UTC. */
  readonly failed_at: string;
  readonly error_class: string;
  readonly error: string;
  readonly attempts: number;
  /** How often the record has become a dead letter; 1 where it never went back. */
  readonly trips: number;
  readonly attempts_in_all: number;
  /** Where and when it failed first; null where no header tells. */
  readonly first_origin: string | null;
  readonly first_failed_at: string | null;
  readonly group: string;
  /** `orders-0 offset 17`; null where no header tells. */
  readonly origin: string | null;
  /** What of the record is not in it. */
  readonly missing: string | null;
  readonly key: string | null;
  /** The key as it is, where it is text: the orders' key is their id. */
  readonly order_id: string | null;
  readonly headers: readonly { readonly name: string; readonly text: string }[];
  readonly value: { readonly kind: string; readonly bytes: number; readonly text: string };
}

const waitMsMax = 5_000;
const textMax = 64 * 1024;
const orderIdMax = 256;

/** The dead letter at that place; undefined where there is none. */
export async function readLetter(
  place: TopicPartition,
  offset: number,
  { range, openReader }: {
    readonly range: (place: TopicPartition) => Promise<LogRange>;
    readonly openReader: OpenReader;
  },
): Promise<LetterDetails | undefined> {
  const { start, end } = await range(place);
  if (offset < start || offset >= end) return undefined;
  await using reader = await openReader(place, offset);
  const { records } = await reader.next(
    { recordsMax: 1, bytesMax: 4 * 1024 * 1024 },
    AbortSignal.timeout(waitMsMax),
  );
  const [record] = records;
  // That offset may hold the marker of a transaction.
  return record?.offset === offset ? detailsOf(record) : undefined;
}

/** All that its record and headers say. */
export function detailsOf(record: InputRecord): LetterDetails {
  const { origin, errorClass, error, attempts, groupId, missing, ...letter } = readDeadLetter(
    record,
  );
  const { trips, attemptsInAll, first } = letter;
  const key = describeBytes(record.key);
  const value = describeBytes(record.value);
  return {
    address: `${record.partition}/${record.offset}`,
    failed_at: timeText(record.timestamp),
    error_class: cut(errorClass),
    error: cut(error),
    attempts,
    trips,
    attempts_in_all: attemptsInAll,
    first_origin: first.origin ? placeOf(first.origin) : null,
    first_failed_at: isoTime(first.failedAt ?? NaN) ?? null,
    group: cut(groupId),
    origin: origin ? placeOf(origin) : null,
    missing: missing === undefined ? null : cut(missing),
    key: record.key === null ? null : textOf(key),
    order_id: key.kind === "text" && key.text.length <= orderIdMax ? key.text : null,
    headers: record.headers.map(([name, bytes]) => ({
      name: cut(name),
      text: textOf(describeBytes(bytes)),
    })),
    value: { kind: value.kind, bytes: record.value?.length ?? 0, text: textOf(value) },
  };
}

function placeOf(origin: Origin): string {
  return cut(`${formatPartition(origin)} offset ${origin.offset}`);
}

function textOf(described: ReturnType<typeof describeBytes>): string {
  return described.kind === "null" ? "(null)" : cut(described.text);
}

function cut(text: string): string {
  const whole = text.length <= textMax;
  return plainText(whole ? text : `${text.slice(0, textMax)} … (cut: ${text.length} characters)`);
}
