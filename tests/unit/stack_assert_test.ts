/** The assertions that the tests rest on: each passes where it must and fails where it must, whichever library is below. */
import {
  assert,
  assertEquals,
  assertExists,
  assertGreater,
  assertInstanceOf,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  fakeClock,
} from "../support/assert.ts";

Deno.test("every assertion passes on what it names", async () => {
  assert(1);
  assertEquals({ a: [1, 2] }, { a: [1, 2] });
  assertEquals(new Uint8Array([1]), new Uint8Array([1]));
  assertNotEquals({ a: 1 }, { a: 2 });
  assertStrictEquals("x", "x");
  assertExists(0);
  assertGreater(2, 1);
  assertMatch("orders-3", /^orders-\d$/);
  assertStringIncludes("orders-3", "ers");
  assertInstanceOf(new TypeError(), Error);
  const thrown = assertThrows(() => JSON.parse("{"), SyntaxError);
  assertInstanceOf(thrown, SyntaxError);
  await assertRejects(() => Promise.reject(new RangeError("too far")), RangeError, "far");
});

Deno.test("every assertion fails on the opposite", async () => {
  const wrong = [
    () => assert(0),
    () => assertEquals({ a: 1 }, { a: 2 }),
    () => assertNotEquals([1], [1]),
    () => assertStrictEquals({}, {}),
    () => assertExists(null),
    () => assertGreater(1, 1),
    () => assertMatch("x", /y/),
    () => assertStringIncludes("x", "y"),
    () => assertInstanceOf(new Error(), TypeError),
    () => assertThrows(() => 1),
    () => fail("on purpose"),
  ];
  for (const run of wrong) assertThrows(run, AssertionError);
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError);
  await assertRejects(
    () => assertRejects(() => Promise.reject(new Error("a")), TypeError),
    AssertionError,
  );
});

Deno.test("the fake clock moves only when it is told to", () => {
  using clock = fakeClock(1_000);
  let fired = 0;
  setTimeout(() => fired++, 500);
  clock.tick(499);
  assertEquals(fired, 0);
  clock.tick(1);
  assertEquals(fired, 1);
  assertEquals(Date.now(), 1_500);
});
