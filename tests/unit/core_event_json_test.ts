import { EventJson } from "../../src/engine/core/event_json.ts";
import { assertEquals } from "../support/assert.ts";

const rope = (part: string) => `${part}-and-${part}`;

Deno.test("an event's text is the one of JSON.stringify, whatever its fields hold", () => {
  class Place {
    constructor(readonly name: string) {}
  }
  const events: unknown[] = [
    { id: rope("order"), n: 1, note: null, tags: [rope("tag")] },
    { id: rope("cafe\u0301"), other: rope('"quoted"\n') },
    { id: rope("\ud800"), gone: undefined },
    { id: 7, more: rope("ｆｕｌｌ") },
    { more: rope("a"), id: rope("b"), x: rope("c"), y: rope("d") },
    { id: rope("date"), at: new Date(0), toJSON: () => "itself" },
    new Place(rope("class")),
    Object.defineProperty({ n: 1 }, "id", { value: rope("hidden"), enumerable: false }),
    JSON.parse(`{"__proto__":"${rope("proto")}","id":"${rope("own")}"}`),
    rope("text"),
    [rope("list")],
    null,
  ];
  for (const source of [undefined, null, events[0], { id: rope("order") }]) {
    for (const first of events) {
      const json = new EventJson();
      json.stringify(first, source);
      for (const event of events) {
        assertEquals(json.stringify(event, source), JSON.stringify(event));
      }
    }
  }
});

Deno.test("an event is left as it is", () => {
  const json = new EventJson();
  const event = Object.freeze({ id: rope("order"), n: 1 });
  for (let i = 0; i < 3; i++) {
    assertEquals(json.stringify(event, undefined), '{"id":"order-and-order","n":1}');
  }
});
