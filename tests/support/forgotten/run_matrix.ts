/** `deno task forgotten`: every role, step and end on every version that is named. Ends with 1 where something is wrong. */
import { configureSync, type LogRecord } from "@logtape/logtape";
import { CommanderError } from "commander";
import { startTwoNodes, type TwoNodes } from "../two_nodes.ts";
import { exitCodes } from "../../../src/cli/exit_codes.ts";
import { projector } from "./projector.ts";
import { matrixCommand, type MatrixOptions, type RoleName } from "./matrix_options.ts";
import type { MakeRole } from "./role.ts";
import { flow, reader, redrive, relay } from "./roles.ts";
import { tryRoles } from "./try_roles.ts";

const options = optionsOrExit();
if (options.log !== undefined) {
  const file = await Deno.open(options.log, { create: true, append: true });
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
const all: Readonly<Record<RoleName, MakeRole>> = { flow, relay, redrive, reader, projector };
const roles = Object.fromEntries(options.roles.map((name) => [name, all[name]]));
const rows: string[] = [];
let wrong = 0;
/** Killed with its nodes when this is interrupted, also while it starts. */
let cluster: Promise<TwoNodes> | undefined;
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(name, async () => {
    stop.abort(new DOMException("Interrupted", "AbortError"));
    const running = await cluster?.catch(() => undefined);
    await running?.[Symbol.asyncDispose]();
    Deno.exit(exitCodes.finding);
  });
}

for (const version of options.kafka) {
  for (const coordinator of options.coordinator.map((node) => node === "1" ? 1 : 2)) {
    cluster = startTwoNodes(version, { coordinator, signal: stop.signal });
    await using nodes = await cluster;
    for (const step of options.steps) {
      for (const end of options.ends) {
        const place = `${version}, coordinator ${
          coordinator === 1 ? "stays" : "dies"
        }, ${step}, ${end}`;
        const foreign = ["reader", "projector"];
        try {
          for (const one of await tryRoles(nodes, { step, end, roles, foreign })) {
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
Deno.exit(wrong === 0 ? exitCodes.good : exitCodes.finding);

function say(row: string): void {
  rows.push(row);
  console.log(row);
}

function optionsOrExit(): MatrixOptions {
  try {
    return matrixCommand().parse(Deno.args, { from: "user" }).opts<MatrixOptions>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    Deno.exit(error.exitCode === 0 ? exitCodes.good : exitCodes.wrongUse);
  }
}
