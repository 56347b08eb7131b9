/**
 * Reads JSON out of bytes, by one rule for everything that this program reads: UTF-8 to the last byte, and one byte order
 * mark at the start is passed over (RFC 8259, section 8.1, lets a reader do so). It knows no schema.
 */
import { PoisonError } from "./errors.ts";
import type { InputRecord } from "./record.ts";

// Without `ignoreBOM` it passes over the mark itself.
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * What JSON describes can take forty times its bytes (`[[],[],...`): a longer value could take the process down. A topic
 * takes batches of a megabyte where nobody has changed that.
 */
const jsonBytesMax = 4 * 1024 * 1024;

/** What is read of a record to make an event of it. */
export type RecordContent =
  & Pick<InputRecord, "key" | "value">
  & Partial<Pick<InputRecord, "headers" | "topic">>;

/** Records that can decode their text faster than a TextDecoder (the Kafka room's are); broken UTF-8 becomes U+FFFD. */
interface TextRecord {
  readonly valueBytes?: number;
  valueText?(): string | null;
}

/** The text in these bytes, without its byte order mark. Throws a TypeError where they are not UTF-8. */
export function textOf(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** The JSON value in a record's value. Throws {@linkcode PoisonError} where there is none. */
export function parseJsonValue(record: Pick<RecordContent, "value"> & TextRecord): unknown {
  const bytes = record.valueBytes ?? record.value?.length ?? 0;
  if (bytes > jsonBytesMax) {
    throw new PoisonError(`the value has ${bytes} bytes: at most ${jsonBytesMax} are read as JSON`);
  }
  try {
    return JSON.parse(valueText(record));
  } catch (error) {
    if (error instanceof PoisonError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new PoisonError(`the value is not JSON in UTF-8: ${message}`, { cause: error });
  }
}

function valueText(record: Pick<RecordContent, "value"> & TextRecord): string {
  const text = record.valueText?.();
  // One that was there from the start looks like one that stands for broken bytes: only the bytes tell.
  if (typeof text === "string" && !text.includes("\ufffd")) {
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
  const { value } = record;
  if (value === null) throw new PoisonError("the value is null (a tombstone), not an event");
  return textOf(value);
}
