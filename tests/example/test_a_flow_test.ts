/** Tests of one's own flows, without a broker and in milliseconds: `testFlow` for one, `memoryLog` for several. */
import { z } from "zod";
import { defineFlow, PoisonError, topic, TransientError } from "../../src/engine/mod.ts";
import { memoryLog, testFlow } from "../../src/engine/testing/mod.ts";
import { assertEquals } from "../support/assert.ts";

const parcels = topic("parcels", {
  read: z.object({ parcel_id: z.string(), items: z.int() }),
  key: (parcel) => parcel.parcel_id,
});
const labels = topic("labels", {
  read: z.object({ parcel_id: z.string(), weight_g: z.int() }),
  key: (label) => label.parcel_id,
});
const pickups = topic("pickups", {
  read: z.object({ parcel_id: z.string() }),
  key: (pickup) => pickup.parcel_id,
});

/** What the flow asks for the weight of a parcel: a fake in a test. */
type Scales = (items: number) => number | Promise<number>;

const labelling = (scales: Scales) =>
  defineFlow({
    name: "labelling",
    from: parcels,
    to: [labels],
    async transform({ parcel_id, items }) {
      if (items === 0) throw new PoisonError("an empty parcel cannot be sent");
      return labels.event({ parcel_id, weight_g: await scales(items) });
    },
  });

const pickingUp = defineFlow({
  name: "picking-up",
  from: labels,
  to: [pickups],
  transform: ({ parcel_id }) => pickups.event({ parcel_id }),
});

Deno.test("a parcel becomes a label, an empty one and one that is no JSON dead letters", async () => {
  await testFlow(labelling((items) => items * 250))
    .given({ parcel_id: "a", items: 2 }, { parcel_id: "b", items: 0 })
    .givenRecords({ key: "c", value: "not a parcel", headers: [["source", "scanner-7"]] })
    .expect(labels, [{ parcel_id: "a", weight_g: 500 }])
    .expectDeadLetters([
      { errorClass: "PoisonError", error: "empty parcel", value: { parcel_id: "b", items: 0 } },
      { errorClass: "PoisonError", key: "c" },
    ])
    .expectNothingElse();
});

Deno.test("scales that time out are asked again, after pauses that no test waits for", async () => {
  let calls = 0;
  const scales: Scales = (items) => {
    if (++calls < 3) throw new TransientError("the scales do not answer");
    return items * 250;
  };
  const { retries, waitedMs } = await testFlow(labelling(scales))
    .given({ parcel_id: "a", items: 1 })
    .expect(labels, [{ parcel_id: "a", weight_g: 250 }])
    .expectNothingElse();
  assertEquals({ retries: retries.length, waitedMs }, { retries: 2, waitedMs: 500 + 1_000 });
});

Deno.test("two flows over one log, and a dead letter that goes back when its cause is mended", async () => {
  let itemsMax = 1;
  const flow = labelling((items) => {
    if (items > itemsMax) throw new PoisonError("too heavy for the scales");
    return items * 250;
  });
  const log = memoryLog({ partitions: 3 })
    .append(parcels, { parcel_id: "a", items: 1 }, { parcel_id: "b", items: 9 });
  await log.run(flow, pickingUp);
  assertEquals(log.events(pickups), [{ parcel_id: "a" }]);
  assertEquals(log.deadLetters(flow).map(({ error }) => error), ["too heavy for the scales"]);

  itemsMax = 10;
  await log.redrive(flow);
  await log.run(flow, pickingUp);
  assertEquals(log.events(pickups).map(({ parcel_id }) => parcel_id).toSorted(), ["a", "b"]);
});
