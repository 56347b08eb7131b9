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

/** Whether one of the headers has this name. Makes nothing. */
export function hasHeader(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  const reader = new VarintReader(bytes, at, bytes.length);
  for (let count = reader.varint(); count > 0; count--) {
    const nameBytes = reader.varint();
    const nameAt = reader.skip(nameBytes);
    if (nameBytes === name.length && name.every((byte, index) => byte === bytes[nameAt + index])) {
      return true;
    }
    reader.skip(Math.max(0, reader.varint()));
  }
  return false;
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
