import { Decimal } from "decimal.js";
import fc from "fast-check";
import { addDecimals, canonicalDecimal, isSum } from "../../src/tools/verify/decimals.ts";
import { assertEquals } from "../support/assert.ts";

const Exact = Decimal.clone({ precision: 200, toExpNeg: -200, toExpPos: 200 });
const decimals = fc.stringMatching(/^-?\d{1,30}(\.\d{1,20})?$/);

Deno.test("a canonical decimal is the number that the text says", () => {
  fc.assert(fc.property(decimals, (text) => {
    const expected = new Exact(text).toString().replace(/^-0$/, "0");
    assertEquals(canonicalDecimal(text), expected);
  }));
});

Deno.test("a sum of decimals is exact", () => {
  fc.assert(fc.property(decimals, decimals, (one, two) => {
    const [a, b] = [canonicalDecimal(one) ?? "", canonicalDecimal(two) ?? ""];
    const expected = new Exact(one).plus(two).toString().replace(/^-0$/, "0");
    assertEquals(addDecimals(a, b), expected);
    assertEquals(isSum(canonicalDecimal(expected), a, b), true);
  }));
});

Deno.test("what is no plain decimal number has no canonical form", () => {
  for (const text of ["", ".", "1.", ".5", "-", "1e3", "NaN", "0x1", "1,5", " 1", "--1", null, 1]) {
    assertEquals(canonicalDecimal(text), null, String(text));
  }
});
