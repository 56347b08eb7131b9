/** A process of its own that runs one lane until its partition is done; a record of the value "killer" ends it at once. */
import { z } from "zod";
import { delay } from "../../src/engine/core/delay.ts";
import { exactlyOnce } from "../../src/engine/core/delivery.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { runLane } from "../../src/engine/core/lane.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { openCrashLog } from "../../src/engine/kafka/crash_log.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openPartitionReader } from "../../src/engine/kafka/open_partition_reader.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { loneCommitter } from "./lone_committer.ts";

const [brokers = "", source = "", target = "", deadLetters = ""] = Deno.args;
const client = createKafkaClient({ brokers: brokers.split(","), clientId: "crash", ssl: false });
const read = z.object({ id: z.string() });
const out = topic(target, { read, key: ({ id }) => id });
const flow = defineFlow({
  name: `crash-${source}`,
  from: topic(source, { read, key: ({ id }) => id }),
  to: [out],
  deadLetters,
  transform(event) {
    if (event.id === "killer") Deno.kill(Deno.pid, "SIGKILL");
    return out.event(event);
  },
});
await using transactions = createTransactions(client, { transactionTimeoutMs: 20_000 });
await using reader = await openPartitionReader(client, { topic: source, partition: 0 }, 0);
await using committer = loneCommitter(transactions, {
  ...{ groupId: flow.groupId, topic: source, partition: 0 },
});
const notes = client.cluster();
const { end } = await reader.range();
const stop = new AbortController();
const unused = () => Promise.reject(new Error("not under exactly-once"));
const running = runLane(
  flow,
  {
    groupId: flow.groupId,
    reader,
    signal: stop.signal,
    stillOwned: () => Promise.resolve(true),
    commitOffset: unused,
    committedOffset: unused,
  },
  exactlyOnce(committer),
  { partitionCount: () => 1, recordBytesMax: 900_000, planMsMax: 5_000 },
  {
    recordsMax: 10,
    bytesMax: 1 << 20,
    dependencyBackoffMsMax: 100,
    crashLog: openCrashLog(notes, flow.groupId, reader),
  },
);
await Promise.all([running, untilDone()]);
await notes.disconnect();

/** Ends the lane when all is committed, by this process or by one before it. */
async function untilDone(): Promise<void> {
  while ((await transactions.stableOffset(flow.groupId, reader)).offset < end) await delay(50);
  stop.abort();
}
