import fc from "fast-check";
import { assert } from "../support/assert.ts";
import { type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { orderViews } from "../../src/app/orders/views.ts";
import { applyBatch } from "../../src/engine/projection/apply_batch.ts";
import { liveTarget } from "../../src/engine/projection/fold_target.ts";
import { positionOpener } from "../../src/engine/projection/open_positions.ts";
import { databaseWith } from "./projection_database.ts";
import { invoiced, placed, topics } from "./projection_order_records.ts";

const projection = orderViews(topics);
const encoder = new TextEncoder();

/** Values that a field should not have, and some that it barely may. */
const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constantFrom("\0", "\ud800", "", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z"),
  fc.constantFrom("1e5", "NaN", "Infinity", "-0.00", `${"9".repeat(30)}.${"9".repeat(20)}`),
  fc.constantFrom(`2026-01-01T00:00:00.${"1".repeat(200)}Z`, "2026-02-30T00:00:00Z"),
  fc.constantFrom<unknown>(null, 0, -1, 2 ** 53, true, [], {}),
);

function valueOf(record: { readonly value: Uint8Array | null }): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(record.value ?? undefined));
}

const event = fc.constantFrom(
  valueOf(placed({ orderId: "o1" })),
  valueOf(invoiced({ orderId: "o1" })),
).chain((valid) =>
  fc.tuple(fc.subarray(Object.keys(valid), { maxLength: 2 }), fc.array(hostile, { minLength: 2 }))
    .map(([fields, values]) =>
      encoder.encode(JSON.stringify(fields.reduce(
        (changed, field, index) => ({ ...changed, [field]: values[index] }),
        { ...valid },
      )))
    )
);

const number = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom("-1", "9007199254740993", "99999999999999999999", "4294967296", "x", ""),
);
const headers = fc.tuple(number, number, fc.string({ unit: "binary" })).map((texts) => [
  textHeader("x-original-topic", topics.orders),
  textHeader("x-original-partition", texts[0]),
  textHeader("x-original-offset", texts[1]),
  textHeader("x-error", texts[2]),
]);

const record: fc.Arbitrary<InputRecord> = fc.record({
  topic: fc.constantFrom(...projection.topics),
  partition: fc.constant(0),
  offset: fc.constant(0),
  timestamp: fc.oneof(fc.nat(), fc.constantFrom(-1, 2 ** 53 - 1, 8.64e15)),
  key: fc.option(fc.uint8Array()),
  value: fc.option(fc.oneof({ weight: 5, arbitrary: event }, fc.uint8Array()), { freq: 20 }),
  headers,
});

Deno.test("no record stops the projector: each is folded or skipped, whatever its bytes are", async () => {
  await using database = await databaseWith(projection);
  const target = liveTarget(projection, "position");
  const offsets = new Map<string, number>();
  const open = positionOpener(database.sql, target);
  for (const topic of projection.topics) await open({ topic, partition: 0 });
  let events = 0;
  await fc.assert(
    fc.asyncProperty(record, async (one) => {
      const from = offsets.get(one.topic) ?? 0;
      const run = { records: [{ ...one, offset: from }], nextOffset: from + 1 };
      const outcome = await applyBatch(database.sql, target, one, from, run);
      assert(outcome.kind === "applied");
      events += outcome.events;
      offsets.set(one.topic, from + 1);
    }),
    { numRuns: 1_000 },
  );
  assert(events > 20, `only ${events} records were events: the test is too wild to tell anything`);
});
