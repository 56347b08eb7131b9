/** A redrive in a process of its own that stops at one step of its second transaction, for a test that kills it there. */
import { openDeadLetterStore } from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { redriveDeadLetters } from "../../src/engine/dead_letters/redrive.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";

const [broker = "", topic = "", stop = "", key = ""] = Deno.args;
let transactions = 0;
const client = createKafkaClient({ brokers: [broker], clientId: "redrive", ssl: false });
await using store = openDeadLetterStore(client, {
  topic,
  transactionTimeoutMs: 60_000,
  async onStep(step) {
    if (step !== stop || ++transactions < 2) return;
    console.log(step);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
});
await redriveDeadLetters(store, {
  batchRecordsMax: 2,
  ...(key && { key: new TextEncoder().encode(key) }),
});
