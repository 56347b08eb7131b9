/** Dead letters as tables and details for people, and as documents for programs. Pure. */
import { Table } from "../packages/cli_table3.ts";
import { Buffer } from "node:buffer";
import { oneLine } from "../core/plain_text.ts";
import { formatPartition, type Header } from "../core/record.ts";
import { formatAddress } from "./dead_letter_address.ts";
import { brief, briefBytes, describeBytes } from "./describe_bytes.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { FoundDeadLetter } from "./find_dead_letter.ts";
import type { ListedDeadLetter } from "./list_dead_letters.ts";

/** One line each. */
export function deadLettersTable(deadLetters: readonly ListedDeadLetter[]): string {
  const table = new Table({
    head: ["address", "failed at", "key", "class", "error", "tries", "came from", "redriven"],
    style: { head: [], border: [], compact: true },
  });
  for (const { record, origin, errorClass, error, attempts, redriven } of deadLetters) {
    table.push([
      formatAddress(record),
      isoTime(record.timestamp),
      briefBytes(record.key, 36),
      brief(errorClass, 30),
      brief(error, 60),
      String(attempts),
      origin ? `${formatPartition(origin)}/${origin.offset}` : "(unknown)",
      redriven ? "yes" : "",
    ]);
  }
  return table.toString();
}

/** All that is known of one, with its headers and its value. */
export function deadLetterDetails(found: FoundDeadLetter): string {
  const { record, origin, errorClass, error, attempts, groupId, redriven, mark, missing } = found;
  const value = describeBytes(record.value);
  const lines = [
    ["Dead letter", `${record.topic} ${formatAddress(record)}`],
    ["Failed at", isoTime(record.timestamp)],
    ["Came from", origin ? `${formatPartition(origin)} offset ${origin.offset}` : "(unknown)"],
    ["Group", groupId || "(unknown)"],
    ["Class", brief(errorClass, 200)],
    ["Error", brief(error, 1_000)],
    ["Fingerprint", fingerprintOf(found)],
    ["Tries", String(attempts)],
    ["Redriven", mark?.to ? `to ${mark.to} at ${mark.at}` : redriven ? "yes" : "no"],
    ["Whole", missing === undefined ? "yes" : `no: ${missing}`],
    ["Key", briefBytes(record.key, 1_000)],
  ].map(([name = "", text = ""]) => oneLine(`${name.padEnd(12)} ${text}`));
  const headers = record.headers.map(([name, bytes]) =>
    `  ${brief(name, 200)}: ${headerValue(bytes)}`
  );
  const size = record.value === null ? "" : `, ${record.value.length} bytes, ${value.kind}`;
  return [
    ...lines,
    `Headers (${headers.length})`,
    ...headers,
    `Value${size}`,
    value.kind === "null" ? "(null)" : value.text,
    ...(value.kind === "binary" ? ["As text:", briefBytes(record.value, 1_000)] : []),
  ].join("\n");
}

/** For `--json`: bytes as base64, and as text beside it where they are text. */
export function deadLetterDocument(deadLetter: ListedDeadLetter): Record<string, unknown> {
  const { record, origin, errorClass, error, attempts, groupId, redriven, link, missing } =
    deadLetter;
  return {
    address: formatAddress(record),
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    failed_at: isoTime(record.timestamp),
    key: bytesDocument(record.key),
    fingerprint: fingerprintOf(deadLetter),
    error_class: errorClass,
    error,
    attempts,
    group: groupId,
    origin: origin ?? null,
    redriven,
    missing: missing ?? null,
    parked: link ?? null,
    headers: record.headers.map(([name, value]) => ({ name, ...bytesDocument(value) })),
    value: bytesDocument(record.value),
  };
}

function bytesDocument(bytes: Uint8Array | null): { base64: string | null; text: string | null } {
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
      return `0x${Buffer.from(bytes ?? []).toString("hex").slice(0, 200)}`;
    case "text":
    case "json":
      return briefBytes(bytes, 1_000);
    default:
      return described satisfies never;
  }
}

/** ISO 8601, or the number as it is where it is no time. */
export function isoTime(timestamp: number): string {
  const time = new Date(timestamp);
  return Number.isNaN(time.getTime()) ? String(timestamp) : time.toISOString();
}
