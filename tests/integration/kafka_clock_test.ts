/** A clock that is wrong: records still arrive, with the broker's time, and it is said. Real broker, shifted `Date.now`. */
import { z } from "zod";
import { keyedState } from "../../src/engine/core/keyed_state.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { openRecordLog } from "../../src/engine/dead_letters/kafka_record_log.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { askClusterTime } from "../../src/engine/kafka/cluster_time.ts";
import { stateTopicOf } from "../../src/engine/state/state_changelog.ts";
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

Deno.test("state, redrives and checks go by Kafka's time on a host whose clock is five hours behind", async () => {
  const client = await testClient();
  const [source = ""] = await freshTopics(client, 1, "clock");
  const flow = defineFlow({
    name: source,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [],
    state: keyedState({ read: z.object({ seen: z.int() }) }),
    transform: (_event, { state }) => state.set({ seen: (state.get()?.seen ?? 0) + 1 }),
  });
  await produce(client, [record(source, 0, "a", { id: "a" })]);
  const asked = await shifted(-5 * hourMs, async () => {
    await runUntil(client, flow, ({ records }) => records === 1);
    const other = await testClient();
    await using log = openRecordLog(other);
    return [await log.now(), (await askClusterTime(other)).ms];
  });
  const [state] = await readPartition(client, stateTopicOf(flow));
  const differences = [state?.timestamp ?? 0, ...asked].map((ms) => Math.abs(ms - Date.now()));
  assertEquals(differences.every((ms) => ms < 120_000), true, `${differences}`);
});

Deno.test("where Kafka does not tell its time, this host's counts, with the reason", async () => {
  const settings = { brokers: ["127.0.0.1:1"], clientId: "nowhere", ssl: false };
  const { ms, untold } = await askClusterTime(createKafkaClient(settings));
  assertEquals(Math.abs(ms - Date.now()) < 10_000, true);
  assertEquals(untold?.includes("refused"), true, untold);
});
