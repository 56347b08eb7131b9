/** Reads a record's JSON value by a schema, for a projection's `decode`. It never throws, whatever the bytes are. */
import type { InputRecord } from "../core/record.ts";

/** The part of a schema that reading needs; a zod schema is one. */
export interface EventSchema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | {
    readonly success: false;
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The value as the schema gives it; undefined where it is no UTF-8, no JSON, or not what the schema says. */
export function readJsonEvent<T>(record: InputRecord, schema: EventSchema<T>): T | undefined {
  if (record.value === null) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(record.value));
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
