import { jsonDocument } from "../../src/cli/json_document.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("a document has its fields in snake_case at any depth, and everything else as it is", () => {
  const document = {
    databaseUrl: "postgres://a",
    kafka_brokers: ["camelCase"],
    partitions: [{ lastStableOffset: 7, updatedAt: new Date(0), none: null }],
    "orders.DLQ": { "my-Topic": 1 },
    Orders: undefined,
  };
  assertEquals(JSON.parse(jsonDocument(document)), {
    database_url: "postgres://a",
    kafka_brokers: ["camelCase"],
    partitions: [{ last_stable_offset: 7, updated_at: "1970-01-01T00:00:00.000Z", none: null }],
    "orders.DLQ": { "my-Topic": 1 },
  });
});
