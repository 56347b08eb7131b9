/** The cursor of a list of orders. */
import fc from "fast-check";
import { formatCursor, parseCursor } from "../../src/app/orders/list_orders.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("cursor comes back as it was formatted, and fits into a URL", () => {
  const ids = fc.string({ minLength: 1, maxLength: 60, unit: "grapheme" })
    .filter((id) => id.isWellFormed() && !id.includes("\0"));
  fc.assert(
    fc.property(
      ids,
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
      (orderId, date) => {
        const cursor = { placedAt: date.toISOString(), orderId };
        const text = formatCursor(cursor);
        assertEquals(encodeURIComponent(text), text);
        assertEquals(parseCursor(text), cursor);
      },
    ),
  );
});

Deno.test("text that is no cursor of ours gives none, whatever it is", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    assertEquals(parseCursor(text), undefined);
  }));
  for (
    const json of [
      "[]",
      '["x","y"]',
      '["2026-01-31T12:00:00.000Z",""]',
      "{}",
      "null",
      '["2026-01-31T12:00:00.000Z","a\\u0000"]',
      '["0000-01-31T12:00:00.000Z","a"]',
    ]
  ) {
    assertEquals(parseCursor(btoa(json)), undefined, json);
  }
});
