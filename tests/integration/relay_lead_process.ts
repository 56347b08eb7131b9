/** A relay in a process of its own, for a test that freezes or kills it: `runWorker` as the command runs it. */
import { openRuntime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { readConfig } from "../../src/config.ts";

const stop = new AbortController();
Deno.addSignalListener("SIGTERM", () => stop.abort());
{
  await using runtime = await openRuntime(readConfig(), { applicationName: "relay in a test" });
  await runWorker(runtime, {
    ...{ roles: ["relay"], guarantee: "exactly-once" },
    observers: {
      relay: {
        leading: (_shard, leading) => leading && console.log("leads"),
        relayed: ({ rows }) => console.log(`relayed ${rows}`),
      },
    },
  }, stop.signal);
}
Deno.exit(0);
