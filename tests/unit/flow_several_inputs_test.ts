import { z } from "zod";
import { defineFlow, type FlowSettings, PoisonError, topic } from "../../src/engine/mod.ts";
import { memoryLog } from "../../src/engine/testing/mod.ts";
import { assertEquals } from "../support/assert.ts";

const read = z.object({ id: z.string(), n: z.int() });
const key = ({ id }: { id: string }) => id;
const [left, right, both] = [
  topic("left", { read, key }),
  topic("right", { read, key }),
  topic("both", { read, key }),
];

/** Copies both inputs, but for the events that are broken; every key is in both. */
function joining(more: Partial<FlowSettings<z.output<typeof read>>>) {
  const broken = new Set(["left 1", "right 1"]);
  const flow = defineFlow({
    name: "joining",
    from: [left, right],
    to: [both],
    park: "key",
    transform(event, { record }) {
      if (broken.has(`${record.topic} ${event.n}`)) throw new PoisonError("not yet");
      return both.event(event, { headers: { of: record.topic } });
    },
    ...more,
  });
  return { broken, flow };
}

const fill = () =>
  memoryLog()
    .append(left, { id: "a", n: 1 }, { id: "a", n: 2 })
    .append(right, { id: "a", n: 1 }, { id: "a", n: 2 }, { id: "b", n: 3 });

for (const deadLetters of [undefined, "letters"]) {
  const where = deadLetters ? "in one topic" : "in one of each input";
  Deno.test(`dead letters ${where}: a key is parked of the input that failed, and redriven to it`, async () => {
    const { broken, flow } = joining({ deadLetters });
    const log = fill();
    await log.run(flow);
    assertEquals(log.events(both), [{ id: "b", n: 3 }]);
    assertEquals(
      log.deadLetters(flow).map(({ origin, record }) => [origin?.topic, record.topic]),
      ["left", "left", "right", "right"].map((
        name,
      ) => [name, deadLetters ?? `${name}.joining.DLQ`]),
    );

    // One input is mended: its key goes on, and waits in the other.
    broken.delete("left 1");
    await log.redrive(flow);
    await log.run(flow);
    assertEquals(log.events(both).map(({ n }) => n), [3, 1, 2]);
    broken.clear();
    await log.redrive(flow);
    await log.run(flow);
    assertEquals(log.events(both).map(({ n }) => n), [3, 1, 2, 1, 2]);
    assertEquals((await log.redrive(flow)).redriven, 0);
  });
}
