/** Many events in one call: one lookup for all of them, and a bad one takes nothing with it. */
import { z } from "zod";
import { defineBatchFlow, PoisonError, topic } from "../../src/engine/mod.ts";
import { testFlow } from "../../src/engine/testing/mod.ts";
import { assertEquals } from "../support/assert.ts";

const orders = topic("orders", {
  read: z.object({ order_id: z.string(), item: z.string() }),
  key: (order) => order.order_id,
});
const prices = topic("prices", {
  read: z.object({ order_id: z.string(), cents: z.int() }),
  key: (price) => price.order_id,
});

/** A price list that counts how often it is asked. */
function priceList(known: Readonly<Record<string, number>>) {
  const asked: number[] = [];
  const pricesOf = (items: readonly string[]) => {
    asked.push(items.length);
    return Promise.resolve(items.map((item) => known[item]));
  };
  return { asked, pricesOf };
}

const pricing = ({ pricesOf }: ReturnType<typeof priceList>) =>
  defineBatchFlow({
    name: "pricing",
    from: orders,
    to: [prices],
    async transformBatch(batch) {
      const found = await pricesOf(batch.map(({ item }) => item));
      return batch.map(({ order_id, item }, index) => {
        const cents = found[index];
        if (cents === undefined) throw new PoisonError(`there is no price for ${item}`);
        return prices.event({ order_id, cents });
      });
    },
  });

const given = ["nuts", "bolts", "nuts"].map((item, n) => ({ order_id: `${n}`, item }));

Deno.test("a batch flow asks once for all of its events", async () => {
  const list = priceList({ nuts: 5, bolts: 7 });
  await testFlow(pricing(list))
    .given(...given)
    .expect(prices, [5, 7, 5].map((cents, n) => ({ order_id: `${n}`, cents })))
    .expectNothingElse();
  assertEquals(list.asked, [3]);
});

Deno.test("an event that fails in a batch is a dead letter by itself", async () => {
  const list = priceList({ nuts: 5 });
  await testFlow(pricing(list))
    .given(...given)
    .expect(prices, [{ order_id: "0", cents: 5 }, { order_id: "2", cents: 5 }])
    .expectDeadLetters([{ errorClass: "PoisonError", key: "1" }])
    .expectNothingElse();
  assertEquals(list.asked, [3, 1, 1, 1]);
});
