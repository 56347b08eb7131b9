/** Keeps personal data out of texts that are made of a record: error texts quote what they did not like. Pure. */
import type { RecordContent } from "./json_text.ts";

/** The names of an event's fields; of a union those of all its members. */
export type FieldOf<T> = T extends unknown ? keyof T & string : never;

/** What of a topic's records is personal data. */
export interface PersonalData<T> {
  /**
   * The fields, as they are called in the value; those inside of one with points (`customer.email`). Lists are gone
   * through. All that lies in such a field counts, the names of its own fields among it.
   */
  readonly fields: readonly (FieldOf<T> | `${FieldOf<T>}.${string}`)[];
  /** The record's key is personal as well. */
  readonly key?: boolean;
}

/** The text without what is personal in the record that it speaks of. */
export type Redaction = (text: string, record: RecordContent) => string;

/** What stands in the place of a text whose record tells nobody what in it is personal. */
export const withheldText =
  "(withheld: the value cannot be read, so nobody knows what in the text is personal)";

/** More than these are not looked for one by one. */
const partsMax = 1_000;
/** Text so short stands in other words as well, and is replaced only where it stands alone. */
const aloneBelow = 4;
/** As much of a key as the engine's own texts quote. */
const keyBytesQuoted = 256;

/**
 * A function that puts `<field>` in the place of each value of these fields, and `<key>` in the place of a personal key. Where
 * the value cannot be read the whole text is withheld: what a parser says quotes any part of it.
 *
 * It finds values as they stand in the record, and as JSON writes them. What a program has made of them (capitals, a part,
 * a hash) it does not find.
 *
 * @param valueOf reads a record's value; throws where it cannot
 * @throws {TypeError} for a field without a name
 */
export function redaction<T>(
  topic: string,
  { fields, key = false }: PersonalData<T>,
  valueOf: (record: RecordContent) => unknown,
): Redaction {
  const paths = fields.map((field) => ({ field, path: field.split(".") }));
  if (paths.some(({ path }) => path.includes(""))) {
    throw new TypeError(`Cannot declare topic ${topic}: a personal field has no name`);
  }
  return (text, record) => {
    const parts = new Map<string, string>();
    if (key && record.key !== null) addKey(record.key, parts);
    if (record.value !== null && paths.length > 0) {
      try {
        const value = valueOf(record);
        for (const { field, path } of paths) addParts(at(value, path), `<${field}>`, parts);
      } catch {
        return withheldText;
      }
    }
    return parts.size > partsMax ? withheldText : replaceAll(text, parts);
  };
}

const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

function addKey(key: Uint8Array, parts: Map<string, string>): void {
  addPart(lenient.decode(key), "<key>", parts);
  if (key.length > keyBytesQuoted) {
    addPart(lenient.decode(key.subarray(0, keyBytesQuoted)), "<key>", parts);
  }
}

/** What lies there; in lists what lies there in each. */
function at(value: unknown, [name, ...rest]: readonly string[]): readonly unknown[] {
  if (Array.isArray(value)) {
    return value.flatMap((entry) => at(entry, name === undefined ? [] : [name, ...rest]));
  }
  if (name === undefined) return [value];
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return [];
  return at(Reflect.get(value, name), rest);
}

/** All text and numbers in it, in whatever depth. */
function addParts(
  values: readonly unknown[],
  placeholder: string,
  parts: Map<string, string>,
): void {
  const rest: unknown[] = [...values];
  while (rest.length > 0 && parts.size <= partsMax) {
    const value = rest.pop();
    if (typeof value === "string") addPart(value, placeholder, parts);
    else if (typeof value === "number" || typeof value === "bigint") {
      addPart(String(value), placeholder, parts);
    } else if (value instanceof Uint8Array) addPart(lenient.decode(value), placeholder, parts);
    else if (typeof value === "object" && value !== null) {
      if (!Array.isArray(value)) rest.push(...Object.keys(value));
      rest.push(...Object.values(value));
    }
  }
}

function addPart(part: string, placeholder: string, parts: Map<string, string>): void {
  if (part.trim() === "") return;
  // A text that is searched is well-formed.
  for (const form of [part.toWellFormed(), JSON.stringify(part).slice(1, -1)]) {
    if (!parts.has(form)) parts.set(form, placeholder);
  }
}

interface Found {
  readonly from: number;
  to: number;
  readonly placeholder: string;
}

/**
 * What overlaps is one place, named by what begins first, and of that by the longest. No regular expression: a part may have
 * millions of characters, and those are "too large" for one.
 */
function replaceAll(text: string, parts: ReadonlyMap<string, string>): string {
  if (parts.size === 0) return text;
  const whole = text.toWellFormed();
  const found = [...parts].flatMap(([part, placeholder]) => placesOf(part, placeholder, whole))
    .sort((one, other) => one.from - other.from || other.to - one.to);
  const places: Found[] = [];
  for (const next of found) {
    const last = places.at(-1);
    if (last && next.from < last.to) last.to = Math.max(last.to, next.to);
    else places.push(next);
  }
  let end = 0;
  const pieces = places.map(({ from, to, placeholder }) => {
    const before = whole.slice(end, from);
    end = to;
    return before + placeholder;
  });
  return pieces.join("") + whole.slice(end);
}

function placesOf(part: string, placeholder: string, text: string): Found[] {
  const places: Found[] = [];
  for (let from = text.indexOf(part); from >= 0;) {
    const to = from + part.length;
    const counts = part.length >= aloneBelow || isAlone(text, from, to);
    if (counts) places.push({ from, to, placeholder });
    from = text.indexOf(part, counts ? to : from + 1);
  }
  return places;
}

const endsInWord = /[\p{L}\p{N}]$/u;
const beginsWithWord = /^[\p{L}\p{N}]/u;

/** Whether no letter and no digit touches it; one of them has up to two code units. */
function isAlone(text: string, from: number, to: number): boolean {
  return !endsInWord.test(text.slice(Math.max(0, from - 2), from)) &&
    !beginsWithWord.test(text.slice(to, to + 2));
}
