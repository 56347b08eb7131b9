/** A clock that is wrong: records still arrive, with the broker's time, and it is said. Real broker, shifted `Date.now`. */
import { z } from "zod";
import { createHealth } from "../../src/engine/core/health.ts";
import { defineFlow, topic } from "../../src/engine/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { freshTopics, produce, readPartition, record, testClient } from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";

const hourMs = 3_600_000;
const read = z.object({ id: z.string() });

/** Runs with a clock that is so much ahead (or behind, where negative). */
async function shifted<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() + ms;
  try {
    return await work();
  } finally {
    Date.now = now;
  }
}

for (
  const { name, ms, said, exact } of [
    { name: "two hours ahead", ms: 2 * hourMs, said: "2 h 0 min ahead of", exact: true },
    // The broker takes what is behind; the first records are stamped before it has shown its time.
    { name: "a week behind", ms: -7 * 24 * hourMs, said: "7 days behind", exact: false },
  ]
) {
  Deno.test(`a worker whose clock is ${name} goes on with the broker's time, and says so`, async () => {
    const client = await testClient();
    const [source = "", outTopic = ""] = await freshTopics(client, 1, "clock", "out");
    const out = topic(outTopic, { read, key: ({ id }) => id });
    const health = createHealth();
    const flow = defineFlow({
      name: source,
      from: topic(source, { read, key: ({ id }) => id }),
      to: [out],
      transform: (event) => out.event(event),
    });
    const ids = Array.from({ length: 6 }, (_, i) => `k${i}`);
    await produce(client, ids.map((id) => record(source, 0, id, { id })));
    let reason = "";
    await shifted(ms, () =>
      runUntil(client, flow, ({ records }) => {
        reason = health.ready().checks.find(({ name }) => name === "kafka")?.detail ?? "";
        return records === ids.length;
      }, { health, batchRecordsMax: 1 }));
    assertEquals(reason.includes(said), true, `it said "${reason}"`);
    const written = await readPartition(client, outTopic);
    const differences = written.map(({ timestamp }) => Math.abs(timestamp - Date.now()));
    assertEquals(written.length, ids.length);
    assertEquals((differences.at(-1) ?? Infinity) < 120_000, true, `${differences}`);
    if (exact) assertEquals(differences.every((difference) => difference < 120_000), true);
  });
}

for (
  const { name, ms } of [{ name: "ahead", ms: 2 * hourMs }, { name: "behind", ms: -2 * hourMs }]
) {
  Deno.test(`times that a flow gives its outputs are judged by the broker's clock, not by one two hours ${name}`, async () => {
    const client = await testClient();
    const [source = "", outTopic = ""] = await freshTopics(client, 1, "clock", "out");
    const timed = z.object({ id: z.string(), at: z.int() });
    const out = topic(outTopic, { read: timed, key: ({ id }) => id });
    const flow = defineFlow({
      name: source,
      from: topic(source, { read: timed, key: ({ id }) => id }),
      to: [out],
      transform: (event) => out.event(event, { timestamp: event.at }),
    });
    const now = Date.now();
    const times = [now, now + 1.5 * hourMs, now - 24 * hourMs];
    await produce(client, times.map((at, i) => record(source, 0, `k${i}`, { id: `k${i}`, at })));
    const totals = await shifted(
      ms,
      () =>
        runUntil(client, flow, ({ records }) => records === times.length, { batchRecordsMax: 1 }),
    );
    const written = await readPartition(client, outTopic);
    assertEquals(written.map(({ timestamp }) => timestamp), [now, now - 24 * hourMs]);
    assertEquals(totals.deadLetters, 1);
  });
}
