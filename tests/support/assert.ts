/**
 * The assertions and the fake clock of every test: `@std/assert` and `@std/testing` where JSR can be reached, the same
 * names over `node:assert/strict` and `node:test` where it cannot. It never decides what a test means by equal.
 */
// deno-lint-ignore-file no-explicit-any
import nodeAssert from "node:assert/strict";
import { mock } from "node:test";

/** A class of errors, abstract or not. */
type ErrorClass<E extends Error = Error> = abstract new (...args: any[]) => E;

/** The part of `@std/assert` that the tests use. */
interface Assertions {
  assert(expr: unknown, msg?: string): asserts expr;
  assertEquals<T>(actual: T, expected: T, msg?: string): void;
  assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
  assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T;
  assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
  assertGreater<T>(actual: T, expected: T, msg?: string): void;
  assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void;
  assertLess<T>(actual: T, expected: T, msg?: string): void;
  assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;
  assertMatch(actual: string, expected: RegExp, msg?: string): void;
  assertStringIncludes(actual: string, expected: string, msg?: string): void;
  assertInstanceOf<E>(
    actual: unknown,
    type: abstract new (...args: any[]) => E,
    msg?: string,
  ): asserts actual is E;
  assertThrows<E extends Error = Error>(
    fn: () => unknown,
    type?: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
  assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    type?: ErrorClass<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  fail(msg?: string): never;
  AssertionError: new (message: any, options?: any) => Error;
}

/** A clock that moves only when it is told to; dispose it (`using`) to get the real one back. */
export interface FakeClock extends Disposable {
  /** Milliseconds since the epoch, as `Date.now()` tells under this clock. */
  readonly now: number;
  /** Moves the clock, running the timers that fall due. */
  tick(ms?: number): void;
  /** The same, and lets the promises that those timers settle run. */
  tickAsync(ms?: number): Promise<void>;
  restore(): void;
}

interface Clocks {
  FakeTime: new (start?: number) => FakeClock;
}

/** How long JSR may take to answer before the tests go on without it. */
const registryWaitMsMax = 10_000;

const std: Assertions = await importOr("@std/assert", nodeAssertions);
const clocks: Clocks = await importOr("@std/testing/time", nodeClocks);

export const assert: Assertions["assert"] = std.assert;
export const assertEquals: Assertions["assertEquals"] = std.assertEquals;
export const assertNotEquals: Assertions["assertNotEquals"] = std.assertNotEquals;
export const assertStrictEquals: Assertions["assertStrictEquals"] = std.assertStrictEquals;
export const assertExists: Assertions["assertExists"] = std.assertExists;
export const assertGreater: Assertions["assertGreater"] = std.assertGreater;
export const assertGreaterOrEqual: Assertions["assertGreaterOrEqual"] = std.assertGreaterOrEqual;
export const assertLess: Assertions["assertLess"] = std.assertLess;
export const assertLessOrEqual: Assertions["assertLessOrEqual"] = std.assertLessOrEqual;
export const assertMatch: Assertions["assertMatch"] = std.assertMatch;
export const assertStringIncludes: Assertions["assertStringIncludes"] = std.assertStringIncludes;
export const assertInstanceOf: Assertions["assertInstanceOf"] = std.assertInstanceOf;
export const assertThrows: Assertions["assertThrows"] = std.assertThrows;
export const assertRejects: Assertions["assertRejects"] = std.assertRejects;
export const fail: Assertions["fail"] = std.fail;
export const AssertionError: Assertions["AssertionError"] = std.AssertionError;

/** Starts a fake clock, by default at the real time; while it is on, no real timer of the process fires. */
export function fakeClock(startMs: number = Date.now()): FakeClock {
  return new clocks.FakeTime(startMs);
}

/**
 * The specifier is a plain variable so that Deno does not resolve it before the program runs: an import that cannot be
 * resolved would then be an error of the whole file instead of one that can be caught here.
 */
async function importOr<T>(specifier: string, fallback: () => T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer for ${specifier}`)), registryWaitMsMax);
  });
  try {
    return await Promise.race([import(specifier), tooLate]);
  } catch {
    return fallback();
  } finally {
    clearTimeout(timer);
  }
}

function nodeAssertions(): Assertions {
  const check = (ok: boolean, whatIsWrong: string, msg?: string) => {
    if (!ok) throw failure(msg ? `${whatIsWrong}: ${msg}` : whatIsWrong);
  };
  return {
    assert: (expr, msg) => check(Boolean(expr), msg ?? "Expected a truthy value"),
    assertEquals: (actual, expected, msg) => nodeAssert.deepStrictEqual(actual, expected, msg),
    assertNotEquals: (actual, expected, msg) =>
      nodeAssert.notDeepStrictEqual(actual, expected, msg),
    assertStrictEquals: (actual, expected, msg) => nodeAssert.strictEqual(actual, expected, msg),
    assertExists: (actual, msg) =>
      check(actual !== undefined && actual !== null, `Expected a value, got ${actual}`, msg),
    assertGreater: (a, b, msg) => check(a > b, `Expected ${a} > ${b}`, msg),
    assertGreaterOrEqual: (a, b, msg) => check(a >= b, `Expected ${a} >= ${b}`, msg),
    assertLess: (a, b, msg) => check(a < b, `Expected ${a} < ${b}`, msg),
    assertLessOrEqual: (a, b, msg) => check(a <= b, `Expected ${a} <= ${b}`, msg),
    assertMatch: (actual, expected, msg) =>
      check(expected.test(actual), `Expected "${actual}" to match ${expected}`, msg),
    assertStringIncludes: (actual, expected, msg) =>
      check(actual.includes(expected), `Expected "${actual}" to contain "${expected}"`, msg),
    assertInstanceOf: (actual, type, msg) =>
      check(actual instanceof type, `Expected ${Deno.inspect(actual)} to be a ${type.name}`, msg),
    assertThrows: (fn, type, msgIncludes, msg) => {
      try {
        fn();
      } catch (error) {
        return expectedError(error, type, msgIncludes, msg);
      }
      throw failure(msg ?? "Expected the function to throw");
    },
    assertRejects: async (fn, type, msgIncludes, msg) => {
      let promise: PromiseLike<unknown>;
      try {
        promise = fn();
      } catch (error) {
        throw failure(`Expected a rejected promise, but the function threw: ${error}`);
      }
      try {
        await promise;
      } catch (error) {
        return expectedError(error, type, msgIncludes, msg);
      }
      throw failure(msg ?? "Expected the promise to be rejected");
    },
    fail: (msg) => {
      throw failure(msg ? `Failed: ${msg}` : "Failed");
    },
    AssertionError: class AssertionError extends nodeAssert.AssertionError {
      constructor(message: string) {
        super({ message });
      }
      static override [Symbol.hasInstance](value: unknown) {
        return value instanceof nodeAssert.AssertionError;
      }
    },
  };
}

function failure(message: string): Error {
  return new nodeAssert.AssertionError({ message });
}

function expectedError<E extends Error>(
  error: unknown,
  type: ErrorClass<E> | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): E {
  const tail = msg ? `: ${msg}` : "";
  if (!(error instanceof (type ?? Error))) {
    throw failure(
      `Expected an error of class ${(type ?? Error).name}, got ${Deno.inspect(error)}${tail}`,
    );
  }
  if (msgIncludes !== undefined && !error.message.includes(msgIncludes)) {
    throw failure(`Expected the message "${error.message}" to contain "${msgIncludes}"${tail}`);
  }
  return error as E;
}

function nodeClocks(): Clocks {
  return {
    FakeTime: class implements FakeClock {
      constructor(start: number = Date.now()) {
        mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: start });
      }
      get now() {
        return Date.now();
      }
      tick(ms = 0) {
        mock.timers.tick(ms);
      }
      async tickAsync(ms = 0) {
        await settledPromises();
        mock.timers.tick(ms);
        await settledPromises();
      }
      restore() {
        mock.timers.reset();
      }
      [Symbol.dispose]() {
        this.restore();
      }
    },
  };
}

/** Lets the promises that are already settled run their reactions, a bounded number of rounds deep. */
async function settledPromises(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}
