import { assertEquals } from "../support/assert.ts";
import { textHeader } from "../../src/engine/core/record.ts";
import { readViewFact } from "../../src/app/orders/view_events.ts";
import {
  deadLetter,
  garbage,
  type NewRecord,
  placed,
  topics,
} from "../integration/projection_order_records.ts";

const read = (record: NewRecord, offset = 0) => readViewFact(topics, { ...record, offset });

Deno.test("an order is read with its place on the topic", () => {
  const fact = read(placed({ orderId: "o1", partition: 3 }), 17);
  assertEquals(fact?.kind === "placed" && [fact.partition, fact.offset, fact.order.order_id], [
    3,
    17,
    "o1",
  ]);
});

Deno.test("a dead letter is read with the place of its original, and names it the same each time", () => {
  const original = placed({ orderId: "o1", partition: 3 });
  const [first, again] = [read(deadLetter(original, 17), 1), read(deadLetter(original, 17), 2)];
  assertEquals(
    first?.kind === "dead-lettered" && [first.orderId, first.originalOffset, first.reason],
    ["o1", 17, "no tax rate"],
  );
  assertEquals(first?.eventId, again?.eventId);
});

Deno.test("a dead letter of another topic, or without its place, is nobody's", () => {
  const original = placed({ orderId: "o1" });
  assertEquals(read(deadLetter({ ...original, topic: "payments" }, 1)), undefined);
  const letter = deadLetter(original, 1);
  const headers = [...letter.headers, textHeader("x-original-offset", "-1")];
  assertEquals(read({ ...letter, headers }), undefined);
});

Deno.test("a dead letter of another flow says nothing of the order's invoice", () => {
  const letter = deadLetter(placed({ orderId: "o1" }), 1);
  const of = (group: string) => {
    const headers = [...letter.headers, textHeader("x-consumer-group", group)];
    return read({ ...letter, headers })?.kind;
  };
  assertEquals([of("onceflow.invoicing"), of("onceflow.mailing")], ["dead-lettered", undefined]);
});

Deno.test("what is no event, or cannot be stored, is no fact", () => {
  const order = placed({ orderId: "o1" });
  const text = new TextDecoder().decode(order.value ?? undefined);
  const records: NewRecord[] = [
    garbage(topics.orders),
    garbage(topics.invoices),
    { ...order, value: null },
    { ...order, topic: "elsewhere" },
    placed({ orderId: "o\0" }),
    placed({ orderId: "o1", userId: "\udc00" }),
    placed({ orderId: "o1", amount: "-1" }),
    { ...order, value: new TextEncoder().encode(text.replace("2026-", "0000-")) },
  ];
  for (const record of records) assertEquals(read(record), undefined);
});

Deno.test("an error text that Postgres cannot hold is kept readable", () => {
  const letter = deadLetter(placed({ orderId: "o1" }), 0, "bad\0byte");
  const fact = read(letter);
  assertEquals(fact?.kind === "dead-lettered" && fact.reason, "bad\uFFFDbyte");
});
