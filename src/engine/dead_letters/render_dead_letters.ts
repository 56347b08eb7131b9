/** Dead letters as tables and details for people, and as documents for programs. Pure. */
import { Buffer } from "node:buffer";
import { isoTime, timeText } from "../core/iso_time.ts";
import { oneLine } from "../core/plain_text.ts";
import { formatPartition, type Header } from "../core/record.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { brief, briefBytes, describeBytes } from "./describe_bytes.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { FoundDeadLetter } from "./find_dead_letter.ts";
import { columns, cutTo, wrapped } from "./fit_columns.ts";
import type { ListedDeadLetter } from "./list_dead_letters.ts";

/** Two lines each, none wider than {@linkcode columns}. */
export function deadLettersText(deadLetters: readonly ListedDeadLetter[]): string {
  return deadLetters.map(({ record, origin, errorClass, error, redriven, ...letter }) => {
    const place = formatAddress(record).padEnd(8);
    const came = origin ? `${cutTo(formatPartition(origin), 50)}/${origin.offset}` : "(unknown)";
    const words = [
      `key ${cutTo(briefBytes(record.key, 100), 36)} from ${came}`,
      triesOf(letter),
      ...(redriven ? ["redriven"] : []),
    ];
    const first = `${place}  ${timeText(record.timestamp)}  ${brief(errorClass, 60)}: `;
    return [`${first}${brief(error, 500)}`, `${" ".repeat(10)}${words.join(", ")}`]
      .map((line) => cutTo(line, columns)).join("\n");
  }).join("\n");
}

function triesOf({ attempts, attemptsInAll, trips }: Tried): string {
  const tries = (count: number) => `${count} ${count === 1 ? "try" : "tries"}`;
  return trips === 1 ? tries(attempts) : `trip ${trips}, ${tries(attemptsInAll)} in all`;
}

type Tried = Pick<ListedDeadLetter, "attempts" | "attemptsInAll" | "trips">;

/** All that is known of one, with its headers and its value; lines that are wider than {@linkcode columns} are broken. */
export function deadLetterDetails(found: FoundDeadLetter): string {
  const { record, origin, errorClass, error, groupId, redriven, redrive, missing } = found;
  const value = describeBytes(record.value);
  const lines = [
    ["Dead letter", `${record.topic} ${formatAddress(record)}`],
    ["Failed at", timeText(record.timestamp)],
    ["Came from", origin ? `${formatPartition(origin)} offset ${origin.offset}` : "(unknown)"],
    ["Group", groupId || "(unknown)"],
    ["Class", brief(errorClass, 200)],
    ["Error", brief(error, 1_000)],
    ["Fingerprint", fingerprintOf(found)],
    ["Tries", triesOf(found)],
    ["First failed", firstOf(found)],
    ["Redriven", redrive?.to ? `to ${redrive.to} at ${redrive.at}` : redriven ? "yes" : "no"],
    ["Whole", missing === undefined ? "yes" : `no: ${missing}`],
    ["Key", briefBytes(record.key, 1_000)],
  ].map(([name = "", text = ""]) => wrapped(oneLine(`${name.padEnd(12)} ${text}`), " ".repeat(13)));
  const headers = record.headers.map(([name, bytes]) =>
    wrapped(`  ${brief(name, 200)}: ${headerValue(bytes)}`, "    ")
  );
  const size = record.value === null ? "" : `, ${record.value.length} bytes, ${value.kind}`;
  return [
    ...lines,
    `Headers (${headers.length})`,
    ...headers,
    `Value${size}`,
    value.kind === "null" ? "(null)" : wrapped(value.text),
    ...(value.kind === "binary" ? ["As text:", wrapped(briefBytes(record.value, 1_000))] : []),
  ].join("\n");
}

function firstOf({ first: { origin, failedAt } }: FoundDeadLetter): string {
  return `${timeText(failedAt ?? NaN)} at ${
    origin ? `${formatPartition(origin)} offset ${origin.offset}` : "(unknown place)"
  }`;
}

/** For `--json`: bytes as base64, and as text beside it where they are text. */
export function deadLetterDocument(deadLetter: ListedDeadLetter): Record<string, unknown> {
  const { record, origin, errorClass, error, attempts, groupId, redriven, link, missing, first } =
    deadLetter;
  return {
    address: formatAddress(record),
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    failed_at: isoTime(record.timestamp) ?? null,
    key: bytesDocument(record.key),
    fingerprint: fingerprintOf(deadLetter),
    error_class: errorClass,
    error,
    attempts,
    trips: deadLetter.trips,
    attempts_in_all: deadLetter.attemptsInAll,
    first_failed_at: isoTime(first.failedAt ?? NaN) ?? null,
    first_origin: first.origin ?? null,
    group: groupId,
    origin: origin ?? null,
    redriven,
    missing: missing ?? null,
    parked: link ?? null,
    headers: record.headers.map(([name, value]) => ({ name, ...bytesDocument(value) })),
    value: bytesDocument(record.value),
  };
}

/** Bytes for `--json`: as base64, and as text where they are text. */
export function bytesDocument(
  bytes: Uint8Array | null,
): { base64: string | null; text: string | null } {
  const described = describeBytes(bytes);
  const isText = described.kind === "text" || described.kind === "json";
  return {
    base64: bytes && Buffer.from(bytes).toString("base64"),
    text: bytes && isText ? new TextDecoder().decode(bytes) : null,
  };
}

function headerValue(bytes: Header[1]): string {
  const described = describeBytes(bytes);
  switch (described.kind) {
    case "null":
      return "(null)";
    case "binary":
      return brief(`0x${Buffer.from(bytes ?? []).toString("hex")}`, 202);
    case "text":
    case "json":
      return briefBytes(bytes, 1_000);
    default:
      return described satisfies never;
  }
}
