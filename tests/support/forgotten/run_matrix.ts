/**
 * `deno task forgotten [--kafka 4.2.2,4.3.1] [--roles flow,relay] [--coordinator 1,2]`: every role, step and end, on every
 * version that is named. Ends with a table, and with 1 where something is wrong. Takes some five minutes a version.
 */
import { configureSync, type LogRecord } from "@logtape/logtape";
import { startTwoNodes } from "../two_nodes.ts";
import { projector } from "./projector.ts";
import { steps } from "./role.ts";
import { flow, reader, redrive, relay } from "./roles.ts";
import { ends, tryRoles } from "./try_roles.ts";

const words = new Map(
  Deno.args.flatMap((word, at) => word.startsWith("--") ? [[word, Deno.args[at + 1] ?? ""]] : []),
);
if (words.has("--log")) {
  const file = await Deno.open(words.get("--log") ?? "", { create: true, append: true });
  const line = new TextEncoder();
  const sink = (record: LogRecord) => {
    const values = Object.entries(record.properties).map(([name, value]) => `${name}=${value}`);
    const text = `${new Date(record.timestamp).toISOString()} ${record.category.join(".")} ` +
      `${record.message.join("")} [${values.join(" ")}]\n`;
    file.writeSync(line.encode(text));
  };
  configureSync({
    sinks: { file: sink },
    loggers: [{ category: "onceflow", sinks: ["file"], lowestLevel: "info" }],
  });
}
const all = { flow, relay, redrive, reader, projector };
const listOf = (name: string, fallback: string) => (words.get(name) ?? fallback).split(",");
const wanted = listOf("--roles", Object.keys(all).join(","));
const roles = Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name)));
const rows: string[] = [];
let wrong = 0;

for (const version of listOf("--kafka", "4.2.2,4.3.1")) {
  for (const coordinator of [1, 2] as const) {
    if (!listOf("--coordinator", "1,2").includes(String(coordinator))) continue;
    await using cluster = await startTwoNodes(version, { coordinator });
    for (const step of steps) {
      if (!listOf("--steps", steps.join(",")).includes(step)) continue;
      for (const end of ends) {
        if (!listOf("--ends", ends.join(",")).includes(end)) continue;
        const place = `${version}, coordinator ${
          coordinator === 1 ? "stays" : "dies"
        }, ${step}, ${end}`;
        const foreign = ["reader", "projector"];
        try {
          for (const one of await tryRoles(cluster, { step, end, roles, foreign })) {
            const { role, hanging, secondsUntilRight, wrong: found } = one;
            if (found !== undefined) wrong++;
            say(
              `${place}: ${role}: hung in ${hanging.join(" ") || "nothing"}; ` +
                (found === undefined ? `right after ${secondsUntilRight} s` : `WRONG: ${found}`),
            );
          }
        } catch (error) {
          wrong++;
          say(`${place}: WRONG: ${error instanceof Error ? error.stack : error}`);
        }
      }
    }
  }
}
console.log(`${rows.length} outcomes, ${wrong} wrong`);
Deno.exit(wrong === 0 ? 0 : 1);

function say(row: string): void {
  rows.push(row);
  console.log(row);
}
