/** A program that runs a flow and does nothing else, for a test of how it ends. */
import { run } from "../../src/engine/mod.ts";
import { copyFlow } from "../support/copy_flow.ts";

const [broker = "", source = "", outTopic = ""] = Deno.args;
const stop = new AbortController();
const onStop = () => stop.abort();
Deno.addSignalListener("SIGTERM", onStop);
const settings = { brokers: [broker], clientId: "program", ssl: false };
const observer = { committed: () => console.log("committed") };
const running = run(settings, copyFlow(source, outTopic), stop.signal, { observer });
console.log("started");
await running;
Deno.removeSignalListener("SIGTERM", onStop);
