/** How order events are read and written across versions. */
import { encodeOrderPlaced, orderPlaced } from "../../src/app/orders/events.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const version1 = {
  event_id: "0198f3c2-7d1e-7c3a-9f60-2f4b8a1d5e11",
  order_id: "order-1",
  user_id: "customer-1",
  amount: "12.34",
  occurred_at: "2026-01-31T12:00:00.000Z",
};
const version2 = { ...version1, currency: "EUR", channel: "store", schema_version: 2 };

Deno.test("order event of version 1 is read with the defaults of what it did not have", () => {
  const { currency, channel, schema_version } = orderPlaced.parse(version1);
  assertEquals({ currency, channel, schema_version }, {
    currency: "USD",
    channel: "web",
    schema_version: 1,
  });
});

Deno.test("order event of version 2 is read as it is", () => {
  assertEquals(orderPlaced.parse(version2), version2);
});

Deno.test("order event of a later version is read without the fields that are unknown here", () => {
  const later = orderPlaced.parse({ ...version2, schema_version: 3, gift: { wrap: true } });
  assertEquals(later.schema_version, 3);
  assert(!("gift" in later));
});

Deno.test("order event without a required field, or with a wrong one, is refused", () => {
  for (const field of ["event_id", "order_id", "user_id", "amount", "occurred_at"]) {
    const { [field]: _, ...rest } = { ...version2 } as Record<string, unknown>;
    assertEquals(orderPlaced.safeParse(rest).success, false, field);
  }
  const wrong = [
    { amount: 12.34 },
    { amount: "NaN" },
    { amount: "-1" },
    { amount: "0.00" },
    { amount: "1e5" },
    { currency: "usd" },
    { occurred_at: "yesterday" },
    { occurred_at: "2026-01-31T12:00:00+01:00" },
    { event_id: "1" },
  ];
  for (const field of wrong) {
    assertEquals(
      orderPlaced.safeParse({ ...version2, ...field }).success,
      false,
      Deno.inspect(field),
    );
  }
});

Deno.test("order event is written strictly: the present version, a time-ordered id, no field more", () => {
  const bytes = encodeOrderPlaced(orderPlaced.parse(version2));
  assertEquals(JSON.parse(new TextDecoder().decode(bytes)), version2);
  const refused = [
    { schema_version: 1 },
    { event_id: crypto.randomUUID() },
    { surplus: true },
  ];
  for (const field of refused) {
    assertThrows(() => encodeOrderPlaced({ ...orderPlaced.parse(version2), ...field }));
  }
});
