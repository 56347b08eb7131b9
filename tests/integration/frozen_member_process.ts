/** A member in a process of its own that stops in the middle of its third transaction, for a test that freezes it there. */
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { copyFlow } from "../support/copy_flow.ts";

const [broker = "", source = "", outTopic = "", sessionTimeoutMs = ""] = Deno.args;
const client = createKafkaClient({ brokers: [broker], clientId: "frozen", ssl: false });
const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
let transactions = 0;
await runFlow(client, copyFlow(source, outTopic), stop.signal, {
  sessionTimeoutMs: Number(sessionTimeoutMs),
  batchRecordsMax: 1,
}, {
  async onStep(step) {
    if (step !== "before-end-txn" || ++transactions !== 3) return;
    console.log(step);
    await new Promise((resolve) => setTimeout(resolve, 300));
  },
});
