/** The log in memory: flows that read what others wrote, transactions as a reader sees them, and what goes back. */
import { z } from "zod";
import { defineFlow, headerText, PoisonError, topic } from "../../src/engine/mod.ts";
import { memoryLog } from "../../src/engine/testing/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const step = z.object({ id: z.string(), n: z.int() });
const [first, second, third] = ["first", "second", "third"].map((name) =>
  topic(name, { read: step, key: ({ id }) => id })
) as [Contract, Contract, Contract];
type Contract = ReturnType<typeof topic<z.output<typeof step>>>;

const adding = (name: string, from: Contract, to: Contract) =>
  defineFlow({
    name,
    from,
    to: [to],
    transform: (event) => to.event({ ...event, n: event.n + 1 }),
  });
const events = (...ids: string[]) => ids.map((id) => ({ id, n: 0 }));

Deno.test("what one flow writes the next one reads, whatever the order in which they are named", async () => {
  const log = memoryLog({ partitions: 3 }).append(first, ...events("a", "b", "c", "d"));
  const one = adding("one", first, second);
  const two = adding("two", second, third);
  const { records } = await log.run(two, one);
  assertEquals(records, 8);
  assertEquals(
    log.events(third).toSorted((a, b) => a.id < b.id ? -1 : 1),
    events("a", "b", "c", "d").map((event) => ({ ...event, n: 2 })),
  );
  // Then each goes on from where it stands.
  log.append(first, ...events("e"));
  assertEquals((await log.run(one, two)).records, 2);
  assertEquals((await log.run(one, two)).records, 0);
});

Deno.test("a flow sees nothing of an aborted transaction, and waits before an open one", async () => {
  const log = memoryLog();
  const flow = adding("one", first, second);
  log.transaction().append(first, ...events("aborted")).abort();
  log.append(first, ...events("before"));
  const open = log.transaction().append(first, ...events("late"));
  log.append(first, ...events("behind"));
  await log.run(flow);
  assertEquals(log.events(second).map(({ id }) => id), ["before"]);
  assertEquals(log.committedOffset(flow), 3, "past the aborted record, its marker, and one more");
  open.commit();
  await log.run(flow);
  assertEquals(log.events(second).map(({ id }) => id), ["before", "late", "behind"]);
});

Deno.test("dead letters go back once, for the flow that gave them up alone, and may succeed then", async () => {
  let isMended = false;
  const picky = defineFlow({
    ...adding("picky", first, second),
    transform(event) {
      if (event.n === 7 && !isMended) throw new PoisonError("seven");
      return second.event(event);
    },
  });
  const other = adding("other", first, third);
  const log = memoryLog().append(first, { id: "a", n: 7 }, { id: "b", n: 1 });
  await log.run(picky, other);
  assertEquals(log.deadLetters(picky).map(({ errorClass }) => errorClass), ["PoisonError"]);
  isMended = true;
  assertEquals((await log.redrive(picky, { errorClass: "TaxError" })).redriven, 0);
  assertEquals((await log.redrive(picky, { errorClass: "PoisonError", key: "a" })).redriven, 1);
  assertEquals((await log.redrive(picky)).redriven, 0);
  await log.run(picky, other);
  assertEquals(log.events(second).map(({ id }) => id), ["b", "a"]);
  assertEquals(log.events(third).map(({ id }) => id), ["a", "b"], "it had processed it");
  const back = log.records("first").at(-1);
  assertEquals(headerText(back?.headers ?? [], "x-redriven-for"), "onceflow.picky");
});

Deno.test("a parked key goes on in order once its queue was sent back", async () => {
  let isMended = false;
  const flow = defineFlow({
    ...adding("parking", first, second),
    park: "key",
    transform(event) {
      if (event.n === 1 && !isMended) throw new PoisonError("one");
      return second.event(event);
    },
  });
  const log = memoryLog().append(first, { id: "a", n: 1 }, { id: "a", n: 2 });
  await log.run(flow);
  // What was parked is found again by the next session.
  log.append(first, { id: "a", n: 3 });
  await log.run(flow);
  assertEquals(log.events(second), []);
  isMended = true;
  await log.redrive(flow);
  await log.run(flow);
  log.append(first, { id: "a", n: 4 });
  await log.run(flow);
  assertEquals(log.events(second).map(({ n }) => n), [1, 2, 3, 4]);
});

Deno.test("batches are as small as one asks for, and flows that feed each other end in an error", async () => {
  const log = memoryLog({ batchRecordsMax: 2, recordsMax: 1_000 }).append(
    first,
    ...events("a", "b", "c", "d", "e"),
  );
  await log.run(adding("one", first, second));
  // Three transactions: each took an offset for its marker.
  assertEquals(log.records("second").map(({ offset }) => offset), [0, 1, 3, 4, 6]);
  await assertRejects(
    () => log.run(adding("there", first, second), adding("back", second, first)),
    Error,
    "have not come to an end after 1000 records",
  );
});
