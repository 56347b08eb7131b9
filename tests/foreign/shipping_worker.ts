/** The foreign project's background program: it publishes what was appended, and keeps the read model up to date. */
import { runRelay } from "@onceflow/onceflow/outbox";
import { runProjector } from "@onceflow/onceflow/projection";
import { databaseUrl, kafka, outbox, shelf } from "./shipping.ts";

const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
const common = { ...kafka, databaseUrl, signal: stop.signal };
await Promise.all([
  runRelay({ ...common, outbox }),
  runProjector({ ...common, projection: shelf, schema: outbox.schema, topicPartitions: 1 }),
]);
