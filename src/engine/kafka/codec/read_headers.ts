/** Reads the headers of one record, in order and with repeated names. Owns nothing. */
import type { Header } from "../../core/record.ts";
import { CodecError } from "./codec_error.ts";
import { VarintReader } from "./varint_reader.ts";

const text = new TextDecoder("utf-8", { ignoreBOM: true });
const replaced = "\ufffd";

/** The headers whose count stands at `at`. The record was walked by `skipHeaders` before. */
export function readHeaders(bytes: Uint8Array, at: number): readonly Header[] {
  const reader = new VarintReader(bytes, at, bytes.length);
  const headers: Header[] = [];
  for (let count = reader.varint(); count > 0; count--) {
    const nameBytes = reader.varint();
    const nameAt = reader.skip(nameBytes);
    const name = text.decode(bytes.subarray(nameAt, nameAt + nameBytes));
    const valueBytes = reader.varint();
    const valueAt = reader.skip(Math.max(0, valueBytes));
    const value = valueBytes < 0 ? null : bytes.subarray(valueAt, valueAt + valueBytes);
    // Kafka says UTF-8 and checks nothing: a name that is not is written again as the bytes that it was.
    if (!name.includes(replaced)) headers.push([name, value]);
    else headers.push([name, value, bytes.subarray(nameAt, nameAt + nameBytes)]);
  }
  return headers;
}

/** The value of the last header of this name; undefined where there is none. Makes no more than its view. */
export function lastHeaderValue(
  bytes: Uint8Array,
  at: number,
  name: Uint8Array,
): Uint8Array | null | undefined {
  const reader = new VarintReader(bytes, at, bytes.length);
  let foundAt = -1;
  let foundBytes = 0;
  for (let count = reader.varint(); count > 0; count--) {
    const nameBytes = reader.varint();
    const nameAt = reader.skip(nameBytes);
    const valueBytes = reader.varint();
    const valueAt = reader.skip(Math.max(0, valueBytes));
    if (nameBytes !== name.length || !standsAt(bytes, nameAt, name)) continue;
    foundAt = valueAt;
    foundBytes = valueBytes;
  }
  if (foundAt < 0) return undefined;
  return foundBytes < 0 ? null : bytes.subarray(foundAt, foundAt + foundBytes);
}

function standsAt(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[at + i] !== name[i]) return false;
  return true;
}

/** Walks over the headers without making any, so that a broken one is found while the record is read. */
export function skipHeaders(reader: VarintReader, count: number): void {
  if (count < 0) throw new CodecError("corrupt", `a record claims ${count} headers`);
  for (; count > 0; count--) {
    reader.skip(reader.varint());
    const valueBytes = reader.varint();
    if (valueBytes !== -1) reader.skip(valueBytes);
  }
}
