import * as here from "../../src/engine/core/errors.ts";
import { TransactionError } from "../../src/engine/core/ports.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** A second copy of the package, as two versions in one program are. */
const there: typeof here = await import(
  `${new URL("../../src/engine/core/errors.ts", import.meta.url).href}?copy`
);

Deno.test("errors of another copy of the package mean what they say", () => {
  assert(there.PoisonError !== here.PoisonError);
  assert(is(new there.PoisonError("bad"), here.PoisonError));
  assert(is(new here.HaltError("stop"), there.HaltError));
  const down: unknown = new there.DependencyDownError("tax", "is down");
  assert(down instanceof here.DependencyDownError);
  assertEquals(down.dependency, "tax");
  assert(!is(down, here.PoisonError));
});

Deno.test("a class that extends one is told apart from its kind", () => {
  class Refused extends here.PoisonError {}
  class Other extends there.PoisonError {}
  assert(is(new Refused("x"), Refused) && is(new Refused("x"), here.PoisonError));
  assert(!is(new here.PoisonError("x"), Refused));
  assert(is(new Other("x"), here.PoisonError) && !is(new Other("x"), Refused));
  for (const value of [undefined, null, "PoisonError", {}, new Error("PoisonError")]) {
    assert(!is(value, here.PoisonError));
  }
  assert(!is(new here.HaltError("x"), TransactionError));
});

/** Without what the types know already. */
function is(value: unknown, type: new (...args: never[]) => unknown): boolean {
  return value instanceof type;
}
