/** Numbers on the command line: every option of every command that takes one refuses the same slips. */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { programWithCommands } from "../../src/cli/run_cli.ts";
import { assert, assertEquals } from "../support/assert.ts";

const slips = ["", " ", "0x10", " 5 ", "1e3", "+5", "٣", "-1", "5n", "5_000", "NaN", "Infinity"];

function optionsOf(command: Command, path: string): [name: string, option: Option][] {
  return [
    ...command.options.map((option): [string, Option] => [`${path} ${option.long}`, option]),
    ...command.commands.flatMap((child) => optionsOf(child, `${path} ${child.name()}`)),
  ];
}

/** What an option makes of a text; undefined where it refuses it. */
function parsed({ parseArg }: Option, text: string): unknown {
  if (!parseArg) return text;
  try {
    return parseArg(text, undefined);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return undefined;
    throw error;
  }
}

function isNumeric(option: Option): boolean {
  const [value] = [parsed(option, "1")].flat();
  return typeof value === "number" || typeof value === "bigint";
}

Deno.test("options that are numbers take decimal digits, and refuse what only a machine would read", () => {
  const options = optionsOf(programWithCommands(), "onceflow");
  const numeric = options.filter(([, option]) => isNumeric(option));
  for (const [name, option] of numeric) {
    assertEquals([name, slips.filter((slip) => parsed(option, slip) !== undefined)], [name, []]);
  }
  const names = numeric.map(([name]) => name);
  for (
    const known of [
      ...["demo --orders", "bench --records", "bench --rounds", "doctor --timeout"],
      ...["torture --minutes", "torture --brokers", "dlq redrive --limit", "dlq unpark --wait"],
      ...["worker offsets set --partition", "worker audit --limit", "projection rebuild --rows"],
    ]
  ) assert(names.includes(`onceflow ${known}`), known);
  // One that is shown as a number is read as one.
  const shown = options.filter(([, { flags }]) => /<(n|number|seconds|count|minutes)>/.test(flags));
  for (const [name] of shown) assert(names.includes(name), name);
});
