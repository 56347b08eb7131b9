/** The shop's flow without a broker, in milliseconds. */
import { memoryLog, testFlow } from "@onceflow/onceflow/testing";
import { payments, reservations, shipments, shipping } from "./shipping.ts";

const paid = (order_id: string, cents = 500) => payments.event({ order_id, cents });
const reserved = (order_id: string, items = 1) =>
  reservations.event({ order_id, sku: "tea", items });

Deno.test("what is paid and reserved is shipped once, whichever comes first", async () => {
  await testFlow(shipping)
    .givenRecords(
      paid("a"),
      paid("b", 700),
      reserved("b", 2),
      reserved("c"),
      reserved("b", 2),
    )
    .givenRecords(reserved("a"))
    .expect(shipments, [
      { order_id: "b", sku: "tea", items: 2, cents: 700 },
      { order_id: "a", sku: "tea", items: 1, cents: 500 },
    ])
    .expectNothingElse();
});

Deno.test("a reservation of nothing is a dead letter, and the order waits for another", async () => {
  const log = memoryLog()
    .appendRecords(payments.name, paid("a"))
    .appendRecords(reservations.name, reserved("a", 0));
  await log.run(shipping);
  const [letter] = log.deadLetters(shipping);
  if (!letter?.error?.includes("nothing was reserved")) {
    throw new Error(`got ${letter?.error}`);
  }
  log.append(reservations, { order_id: "a", sku: "salt", items: 3 });
  await log.run(shipping);
  const [shipment] = log.events(shipments);
  if (shipment?.sku !== "salt" || shipment.cents !== 500) {
    throw new Error(`shipped ${JSON.stringify(shipment)}`);
  }
});
