/** What `append` makes of an event, and what it refuses before anything is sent. */
import { topic } from "../../src/engine/mod.ts";
import { append, type PostgresParameter } from "../../src/engine/outbox/mod.ts";
import { z } from "zod";
import { assertEquals, assertMatch, assertRejects } from "../support/assert.ts";

const parcels = topic("parcels", { read: z.object({ id: z.string() }), key: ({ id }) => id });

/** A transaction that only looks. */
function recording() {
  const sent: { readonly query: string; readonly parameters: PostgresParameter[] }[] = [];
  const tx = {
    savepoint: undefined,
    unsafe(query: string, parameters: PostgresParameter[] = []) {
      sent.push({ query, parameters });
      return Promise.resolve([{ position: "17" }]);
    },
  };
  return { sent, tx };
}

const text = (bytes: PostgresParameter | undefined) =>
  new TextDecoder().decode(bytes instanceof Uint8Array ? bytes : undefined);

Deno.test("an emission is appended with its id and type, and its other headers as text", async () => {
  const { sent, tx } = recording();
  const event_id = crypto.randomUUID();
  const event = parcels.event({ id: "a" }, {
    headers: { event_id, event_type: "Packed", trace: "7" },
    timestamp: new Date(0),
  });
  assertEquals(await append(tx, event, { schema: "shipping" }), {
    eventId: event_id,
    position: 17,
  });
  const [
    { query, parameters: [name, key, value, headers, id, type] } = { query: "", parameters: [] },
  ] = sent;
  assertMatch(query, /^select "shipping"\.outbox_append\(/);
  assertEquals([name, key, text(value), id, type], [
    ...["parcels", "a", '{"id":"a"}', event_id, "Packed"],
  ]);
  assertEquals(JSON.parse(String(headers)), [
    ["trace", "7"],
    ["occurred_at", "1970-01-01T00:00:00.000Z"],
  ]);
});

Deno.test("a tombstone is appended without a value", async () => {
  const { sent, tx } = recording();
  await append(tx, parcels.tombstone("a"));
  await append(tx, { topic: "parcels", key: "a", type: "Gone", value: null });
  assertEquals(sent.map(({ parameters: [, key, value] }) => [key, value]), [
    ["a", null],
    ["a", null],
  ]);
});

Deno.test("without an id one is made that grows with time, and the type is the topic's name", async () => {
  const { sent, tx } = recording();
  const { eventId } = await append(tx, parcels.event({ id: "a" }));
  assertMatch(eventId, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assertEquals(sent[0]?.parameters.slice(4), [eventId, "parcels"]);
  assertMatch(sent[0]?.query ?? "", /^select outbox_append\(/);
});

Deno.test("what the outbox cannot keep is refused before anything is sent", async () => {
  const { sent, tx } = recording();
  const wrong = [
    [parcels.event({ id: "a" }, { key: null }), "no key"],
    [parcels.event({ id: "a" }, { key: Uint8Array.of(0xff) }), "key is no text"],
    [parcels.event({ id: "a" }, { partition: 0 }), "partition"],
    [parcels.event({ id: "a" }, { headers: { a: Uint8Array.of(0xff) } }), "header a is no text"],
    [parcels.event({ id: "a" }, { headers: { event_id: "7" } }), "no UUID"],
  ] as const;
  for (const [event, reason] of wrong) {
    await assertRejects(() => append(tx, event), TypeError, reason);
  }
  assertEquals(sent, []);
});
