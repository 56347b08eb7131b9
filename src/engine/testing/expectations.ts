/** Compares what a flow wrote with what a test expects, and says the difference so that a person can read it. */
import { AssertionError, deepStrictEqual } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import type { DeadLetter } from "../dead_letters/read_dead_letter.ts";
import type { TopicContract } from "../core/topic_contract.ts";

/** What a dead letter must be; what is left out may be anything. */
export interface ExpectedDeadLetter {
  /** The class of the failure, such as `PoisonError`. */
  readonly errorClass?: string;
  /** What the error's text contains, or matches. */
  readonly error?: string | RegExp;
  /** How many times it was tried. */
  readonly attempts?: number;
  /** The record's key, as text; null for none. */
  readonly key?: string | null;
  /** The record's value: bytes as they were, or anything else as the JSON in them; null for a tombstone. */
  readonly value?: unknown;
}

/** An expectation, with the line of the test that has it. */
export type Check<R> = (result: R) => void;

/** The check, whose failure points to where it is called from. */
export function checkHere<R>(check: Check<R>, caller: (...given: never[]) => unknown): Check<R> {
  const here: { stack?: string } = {};
  Error.captureStackTrace(here, caller);
  return (result) => {
    try {
      check(result);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const frames = here.stack?.split("\n").slice(1).join("\n");
      error.stack = `${error.name}: ${error.message}\n${frames}`;
      throw error;
    }
  };
}

/** How many items of a list are shown; the difference of long lists would take minutes to find. */
const itemsMax = 20;

/** @throws {AssertionError} with the difference below `what`; of long lists with the part where it begins */
export function equalOrSay(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  if (Array.isArray(actual) && Array.isArray(expected)) {
    const longest = Math.max(actual.length, expected.length);
    const first = longest > itemsMax ? firstDifference(actual, expected) : 0;
    const from = Math.max(0, first - 2);
    const where = longest > itemsMax
      ? ` (${actual.length} where ${expected.length} are expected; from the one at ${from} on)`
      : "";
    return sayDifference(
      actual.slice(from, from + itemsMax),
      expected.slice(from, from + itemsMax),
      `${what}${where}`,
    );
  }
  sayDifference(actual, expected, what);
}

function firstDifference(actual: readonly unknown[], expected: readonly unknown[]): number {
  const found = actual.findIndex((item, index) => !isDeepStrictEqual(item, expected[index]));
  return found < 0 ? actual.length : found;
}

function sayDifference(actual: unknown, expected: unknown, what: string): void {
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    if (error instanceof AssertionError) error.message = `${what}\n${error.message}`;
    throw error;
  }
}

/** As a reader of the topic sees these events: with the defaults of the schema, and without what JSON leaves out. */
export function asRead<T>(contract: TopicContract<T>, events: readonly T[]): readonly T[] {
  return events.map((event) => {
    const { key, value } = contract.event(event);
    return contract.decode({ key: bytesOf(key), value: bytesOf(value) });
  });
}

/** The part of each dead letter that is expected of it, so that only what is wrong is a difference. */
export function asExpected(
  deadLetters: readonly DeadLetter[],
  expected: readonly ExpectedDeadLetter[],
): readonly ExpectedDeadLetter[] {
  return deadLetters.map((deadLetter, index) => {
    const wanted = expected[index];
    const seen = seenOf(deadLetter, wanted?.value);
    if (!wanted) return seen;
    return Object.fromEntries(
      Object.keys(wanted).map((name) => [name, partOf(name, seen, wanted)]),
    );
  });
}

function partOf(name: string, seen: ExpectedDeadLetter, wanted: ExpectedDeadLetter): unknown {
  const { error = "" } = seen;
  if (name !== "error" || wanted.error === undefined || typeof error !== "string") {
    return Reflect.get(seen, name);
  }
  const fits = typeof wanted.error === "string"
    ? error.includes(wanted.error)
    : wanted.error.test(error);
  return fits ? wanted.error : error;
}

function seenOf({ errorClass, error, attempts, record }: DeadLetter, like: unknown) {
  const key = record.key && text(record.key);
  return { errorClass, error, attempts, key, value: valueOf(record.value, like) };
}

function valueOf(value: Uint8Array | null, like: unknown): unknown {
  if (value === null || like instanceof Uint8Array) return value && Uint8Array.from(value);
  try {
    return JSON.parse(text(value));
  } catch {
    return text(value);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function bytesOf(field: Uint8Array | string | null): Uint8Array | null {
  return typeof field === "string" ? encoder.encode(field) : field;
}
