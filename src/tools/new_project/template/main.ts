/** Runs the flow until Ctrl-C or SIGTERM. Several of these share the partitions. */
import { run } from "@onceflow/onceflow";
import { configureLogging } from "@onceflow/onceflow/observe";
import { counting } from "./flow.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => stop.abort());
}
configureLogging({ level: "info", format: "text" });
const brokers = (Deno.env.get("KAFKA_BROKERS") ?? "127.0.0.1:19092").split(",");
await run({ brokers, clientId: "PROJECT", ssl: false }, counting, stop.signal);
