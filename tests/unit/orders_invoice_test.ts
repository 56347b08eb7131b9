/** The arithmetic and the ids of invoices. */
import fc from "fast-check";
import { Decimal } from "decimal.js";
import { encodeInvoiceIssued, orderPlaced } from "../../src/app/orders/events.ts";
import { invoiceFor } from "../../src/app/orders/invoice_for.ts";
import { minorUnits } from "../../src/app/orders/minor_units.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "../support/assert.ts";

const issuedAt = new Date("2026-01-31T12:00:00.000Z");

function orderOf(
  amount: string,
  currency = "USD",
  event_id = "0198f3c2-7d1e-7c3a-9f60-2f4b8a1d5e11",
) {
  return orderPlaced.parse({
    event_id,
    order_id: "order-1",
    user_id: "customer-1",
    amount,
    currency,
    occurred_at: "2026-01-31T11:00:00.000Z",
  });
}

function amountsOf(amount: string, currency: string, taxRate: string) {
  const { net, tax, gross } = invoiceFor(orderOf(amount, currency), { taxRate, issuedAt });
  return { net, tax, gross };
}

Deno.test("invoice adds tax to the net amount in the currency's minor unit", () => {
  assertEquals(amountsOf("100", "EUR", "0.19"), { net: "100.00", tax: "19.00", gross: "119.00" });
  assertEquals(amountsOf("999", "JPY", "0.10"), { net: "999", tax: "100", gross: "1099" });
  assertEquals(amountsOf("1.234", "KWD", "0.05"), { net: "1.234", tax: "0.062", gross: "1.296" });
});

Deno.test("invoice rounds half a minor unit to the even neighbour", () => {
  assertEquals(amountsOf("0.50", "USD", "0.05").tax, "0.02");
  assertEquals(amountsOf("0.70", "USD", "0.05").tax, "0.04");
  assertEquals(amountsOf("0.30", "USD", "0.05").tax, "0.02");
});

Deno.test("invoice of the largest amount loses no digit", () => {
  const order = orderOf(`${"9".repeat(15)}.99`);
  const invoice = invoiceFor(order, { taxRate: "0.0825", issuedAt });
  assertEquals(invoice.net, order.amount);
  encodeInvoiceIssued(invoice);
});

Deno.test("invoice ids follow from the order's event, so that a copy can be recognised", () => {
  const once = invoiceFor(orderOf("5"), { taxRate: "0.1", issuedAt });
  const again = invoiceFor(orderOf("5"), { taxRate: "0.2", issuedAt: new Date() });
  assertEquals([again.event_id, again.invoice_id], [once.event_id, once.invoice_id]);
  assertNotEquals(once.event_id, once.invoice_id);
  const other = orderOf("5", "USD", crypto.randomUUID());
  assertNotEquals(
    invoiceFor(other, { taxRate: "0.1", issuedAt }).event_id,
    once.event_id,
  );
  assertEquals(once.causation, orderOf("5").event_id);
});

Deno.test("invoice of any order balances, is exact to half a minor unit, and can be written", () => {
  const digits = fc.integer({ min: 1, max: 10 ** 15 - 1 });
  const rates = fc.integer({ min: 0, max: 9_999 }).map((n) => new Decimal(n).div(10_000).toFixed());
  fc.assert(
    fc.property(digits, rates, fc.constantFrom("USD", "JPY", "KWD"), (cents, taxRate, currency) => {
      const decimals = minorUnits(currency) ?? 0;
      const amount = new Decimal(cents).div(10 ** decimals).toFixed(decimals);
      const invoice = invoiceFor(orderOf(amount, currency), { taxRate, issuedAt });
      const { net, tax, gross } = invoice;
      assert(new Decimal(net).plus(tax).eq(gross), `${net} + ${tax} = ${gross}`);
      const exact = new Decimal(net).times(taxRate);
      assert(exact.minus(tax).abs().lte(new Decimal(5).div(10 ** (decimals + 1))));
      encodeInvoiceIssued(invoice);
    }),
  );
});

Deno.test("invoice never rounds an amount: what the currency cannot express is refused", () => {
  const order = orderOf("10.00", "EUR");
  for (
    const change of [
      { amount: "10.005" },
      { amount: "0.001" },
      { currency: "JPY", amount: "10.5" },
      { currency: "XAU" },
    ]
  ) {
    assertThrows(
      () => invoiceFor({ ...order, ...change }, { taxRate: "0.19", issuedAt }),
      RangeError,
    );
  }
});
