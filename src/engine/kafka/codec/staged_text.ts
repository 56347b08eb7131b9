/** Encodes the text of a whole batch at once. Owns its place in a writer's memory, never the layout of a record. */
import { Buffer } from "node:buffer";
import type { ByteWriter } from "./byte_writer.ts";
import type { WritableRecord } from "./writable_record.ts";

/**
 * The keys and values that are text. All of a batch's text is encoded in one call behind where the batch will end, and
 * copied into place from there: a call for each value costs twice as much. That takes ASCII, whose lengths are known
 * beforehand; a batch with other text is encoded value by value.
 */
export class StagedText {
  /** Where the next text lies in the writer's memory; -1 where nothing is staged. */
  #at: number;

  /** `batchBytes` is at least what the batch will take if its text is ASCII. */
  constructor(
    private readonly writer: ByteWriter,
    records: readonly WritableRecord[],
    batchBytes: number,
  ) {
    let text = "";
    for (const { key, value } of records) {
      if (typeof key === "string") text += key;
      if (typeof value === "string") text += value;
    }
    this.#at = text === "" ? -1 : writer.stageAscii(text, batchBytes);
  }

  /** -1 for null, as a varint length says it. */
  bytesOf(field: Uint8Array | string | null): number {
    if (field === null) return -1;
    if (typeof field !== "string" || this.#at >= 0) return field.length;
    return Buffer.byteLength(field);
  }

  /** In the order of the records, key before value. */
  write(field: Uint8Array | string | null): void {
    if (field === null) return;
    if (typeof field !== "string") this.writer.raw(field);
    else if (this.#at < 0) this.writer.text(field);
    else {
      this.writer.copyStaged(this.#at, field.length);
      this.#at += field.length;
    }
  }
}
