import { HaltError } from "../../src/engine/core/errors.ts";
import type { OutboxRow } from "../../src/engine/outbox/outbox_row.ts";
import { rowToRecord } from "../../src/engine/outbox/row_to_record.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const row: OutboxRow = {
  ...{ shard: 3, position: 17, topic: "orders", key: "k", value: new Uint8Array([1]) },
  ...{ headers: [["a", "b"]], eventId: "e-1", eventType: "Said", createdAt: new Date(), xid: "9" },
};

Deno.test("a row becomes a CloudEvent with its own headers behind those of the relay", () => {
  const { headers, partition } = rowToRecord(row, 1, "/shop/outbox");
  assertEquals(partition, 0);
  const decoder = new TextDecoder();
  assertEquals(headers.map(([name, value]) => [name, value && decoder.decode(value)]), [
    ["event_id", "e-1"],
    ["event_type", "Said"],
    ["ce_specversion", "1.0"],
    ["ce_id", "e-1"],
    ["ce_source", "/shop/outbox"],
    ["ce_type", "Said"],
    ["ce_time", row.createdAt.toISOString()],
    ["a", "b"],
  ]);
});

Deno.test("a row's event happened when it says so, else when it was appended", () => {
  const timeOf = (said: string) => {
    const { headers } = rowToRecord({ ...row, headers: [["occurred_at", said]] }, 1);
    return new TextDecoder().decode(headers.find(([name]) => name === "ce_time")?.[1] ?? undefined);
  };
  assertEquals(timeOf("2026-01-02T03:04:05.000Z"), "2026-01-02T03:04:05.000Z");
  assertEquals(timeOf("yesterday"), row.createdAt.toISOString());
});

Deno.test("a row that is a CloudEvent already stays the one that it is", () => {
  const { headers } = rowToRecord({ ...row, headers: [["ce_id", "own"]] }, 1);
  assertEquals(headers.map(([name]) => name), ["event_id", "event_type", "ce_id"]);
});

Deno.test("a row that cannot be sent is named, whatever is wrong with it", () => {
  const wrong: unknown[] = [[{ name: "a", value: "b" }], ["ab"], [["a"]], [["a", 1]], {}, null];
  for (const headers of wrong) {
    const bad = { ...row, headers } as OutboxRow;
    assertThrows(() => rowToRecord(bad, 1), HaltError, "e-1 (outbox shard 3, position 17)");
  }
});
