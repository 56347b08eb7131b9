/** Bytes of a log that nobody can read halt their own partition; the others of the same broker go on. */
import { z } from "zod";
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { applyOffset, planOffset } from "../../src/engine/kafka/offset_admin.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { defineFlow, topic } from "../../src/engine/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import {
  freshTopics,
  jsons,
  produce,
  readPartition,
  record,
  testClient,
} from "../support/kafka.ts";
import { runUntil } from "../support/run_until.ts";
import { testStackDirectory } from "../support/services.ts";

const read = z.object({ id: z.string() });

Deno.test("a batch that is broken on the broker's disk halts its partition alone, and can be passed over", async () => {
  const client = await testClient();
  const [source = "", outTopic = ""] = await freshTopics(client, 2, "broken", "out");
  const out = topic(outTopic, { read, key: ({ id }) => id });
  const flow = defineFlow({
    name: `broken-${source}`,
    from: topic(source, { read, key: ({ id }) => id }),
    to: [out],
    transform: (event) => out.event(event),
  });
  const fill = (partition: number, id: string) =>
    produce(client, [record(source, partition, id, { id })]);
  const written = async () =>
    (await Promise.all([0, 1].map((partition) => readPartition(client, outTopic, partition))))
      .flatMap(jsons).map(({ id }) => id).sort();
  await fill(0, "good");
  await fill(0, "broken");
  await breakLast(`${source}-0`);

  const health = createHealth();
  const stop = new AbortController();
  const said = Promise.withResolvers<string>();
  const telling = {
    ...health,
    down(name: string, reason: string, options?: Parameters<typeof health.down>[2]) {
      health.down(name, reason, options);
      if (name === `lane:${source}-0`) said.resolve(reason);
    },
  };
  let records = 0;
  const target = Promise.withResolvers<void>();
  const running = runFlow(client, flow, stop.signal, {
    health: telling,
    observer: {
      committed(batch) {
        records += batch.records;
        if (records >= 2) target.resolve();
      },
    },
  });
  assertStringIncludes(
    await inTime(said.promise, "the lane is said to stand still"),
    "offsets 1 to 1",
  );
  await fill(1, "elsewhere");
  await inTime(target.promise, "the other partition goes on");
  assertEquals(health.ready().ready, false);
  stop.abort();
  await running;
  assertEquals(await written(), ["elsewhere", "good"]);

  // The advice: the offset behind it.
  await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
  const place = { groupId: flow.groupId, topic: source, partition: 0 };
  await applyOffset(client, transactions, await planOffset(client, { ...place, to: 2 }));
  await fill(0, "behind");
  await runUntil(client, flow, ({ records }) => records === 1);
  assertEquals(await written(), ["behind", "elsewhere", "good"]);
});

/** Flips the last byte of the log, as a disk might; the broker hands it out as it is. */
async function breakLast(partition: string): Promise<void> {
  const path = `${testStackDirectory}/kafka/broker-1/${partition}/00000000000000000000.log`;
  using file = await Deno.open(path, { read: true, write: true });
  const { size } = await file.stat();
  const byte = new Uint8Array(1);
  await file.seek(size - 1, Deno.SeekMode.Start);
  await file.read(byte);
  await file.seek(size - 1, Deno.SeekMode.Start);
  await file.write(byte.map((value) => value ^ 0xff));
}
