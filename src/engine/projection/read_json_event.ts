/** Reads a record's JSON value by a schema, for a projection's `decode`. It never throws, whatever the bytes are. */
import { parseJsonValue, type RecordContent } from "../core/json_text.ts";

/** The part of a schema that reading needs; a zod schema is one. */
export interface EventSchema<T> {
  /** Answers the value as it is to be used, or that it is none. */
  safeParse(value: unknown): { readonly success: true; readonly data: T } | {
    readonly success: false;
  };
}

/** The value as the schema gives it; undefined where it is not JSON in UTF-8, or not what the schema says. */
export function readJsonEvent<T>(record: RecordContent, schema: EventSchema<T>): T | undefined {
  let value: unknown;
  try {
    value = parseJsonValue(record);
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
