/** Makes a dead letter small enough to be written: cuts what does not fit, and says so. Never drops where it came from. */
import { parkedHeader } from "./parked_header.ts";
import { createHash } from "node:crypto";
import {
  encodedBytes,
  type Header,
  type InputRecord,
  type OutputRecord,
  textHeader,
} from "./record.ts";
import { tripHeaderBytesMax, tripHeaderNames } from "./trips.ts";

/** What is kept of a record that failed. */
export type KeptParts = Pick<OutputRecord, "headers"> & Pick<InputRecord, "key" | "value">;

/**
 * The record's key, value and headers with the facts behind them, in at most `bytesMax` bytes. Where all of it fits, it is
 * all there. Else the value is cut to what fits; a key that leaves no room is dropped as a whole, since a part of it would
 * be another key; headers that leave no room are dropped from the last one on. `x-truncated` names what is not whole, and
 * size and SHA-256 of the original stand beside it.
 */
export function fitDeadLetter(
  { key, value, headers }: KeptParts,
  facts: readonly Header[],
  bytesMax: number,
): KeptParts {
  const whole = { key, value, headers: [...headers, ...facts] };
  if (encodedBytes(whole) <= bytesMax) return whole;
  const cuts = [...factsOf("key", key), ...factsOf("value", value), ...headerFacts(headers)];
  const flag = textHeader("x-truncated", "key,value,headers");
  const base = [...facts, ...cuts, flag];
  let room = bytesMax - encodedBytes({ key: null, value: null, headers: base });
  const keyFits = key !== null && key.length <= room / 2;
  if (keyFits) room -= key.length;
  const keptHeaders = headersWithin(headers, room / 2);
  room -= encodedBytes({ key: null, value: null, headers: keptHeaders }) - framingBytes;
  const keptValue = value && value.subarray(0, Math.max(0, Math.min(value.length, room)));
  const cut = {
    key: key !== null && !keyFits,
    value: keptValue?.length !== value?.length,
    headers: keptHeaders.length < headers.length,
  };
  const names = Object.entries(cut).filter(([, isCut]) => isCut).map(([name]) => name);
  return {
    key: cut.key ? null : key,
    value: keptValue,
    headers: [
      ...keptHeaders,
      ...facts,
      ...(cut.key ? factsOf("key", key) : []),
      ...(cut.value ? factsOf("value", value) : []),
      ...(cut.headers ? headerFacts(headers) : []),
      textHeader("x-truncated", names.join(",")),
    ],
  };
}

/** The names of all facts about what was cut. */
export const cutFactNames: readonly string[] = [
  "x-original-key-bytes",
  "x-original-key-sha256",
  "x-original-value-bytes",
  "x-original-value-sha256",
  "x-original-headers",
  "x-original-headers-bytes",
  "x-truncated",
];

/** What a record without any part takes. */
const framingBytes = encodedBytes({ key: null, value: null, headers: [] });

function factsOf(part: "key" | "value", bytes: Uint8Array | null): Header[] {
  if (bytes === null) return [];
  return [
    textHeader(`x-original-${part}-bytes`, String(bytes.length)),
    textHeader(`x-original-${part}-sha256`, createHash("sha256").update(bytes).digest("hex")),
  ];
}

function headerFacts(headers: readonly Header[]): Header[] {
  const bytes = encodedBytes({ key: null, value: null, headers }) - framingBytes;
  return [
    textHeader("x-original-headers", String(headers.length)),
    textHeader("x-original-headers-bytes", String(bytes)),
  ];
}

/** The first headers that take no more than this. Those of a parked key and of earlier trips are always kept. */
function headersWithin(headers: readonly Header[], bytesMax: number): readonly Header[] {
  let bytes = 0;
  let full = false;
  return headers.filter((header) => {
    const size = encodedBytes({ key: null, value: null, headers: [header] }) - framingBytes;
    full ||= bytes + size > bytesMax;
    if (full && !staysInAnyCase(header, size)) return false;
    bytes += size;
    return true;
  });
}

function staysInAnyCase([name]: Header, bytes: number): boolean {
  return name === parkedHeader || (bytes <= tripHeaderBytesMax && tripHeaderNames.includes(name));
}
