/** The shop's background program, in as many processes as one likes: relay, flow and read model until SIGTERM or Ctrl-C. */
import { run } from "@onceflow/onceflow";
import { configureLogging } from "@onceflow/onceflow/observe";
import { runRelay } from "@onceflow/onceflow/outbox";
import { runProjector } from "@onceflow/onceflow/projection";
import { shipping } from "./shipping.ts";
import { databaseUrl, kafka, outbox, schema, sent } from "./shop.ts";

configureLogging({ level: "info", format: "text" });
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => stop.abort());
}
const { signal } = stop;
try {
  await Promise.all([
    run(kafka, shipping, signal),
    runRelay({ ...kafka, databaseUrl, outbox, signal }),
    runProjector({ ...kafka, databaseUrl, schema, projection: sent, signal }),
  ]);
} finally {
  stop.abort(); // one that halts ends the others
}
