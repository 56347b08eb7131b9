/** Refuses options that were given an empty value: `--topic "$TOPIC"` without a TOPIC would mean something else than it says. */
import type { Command } from "commander";

/** Of these an empty one is a value: keys of records, what is committed beside an offset, a note. */
const mayBeEmpty = new Set(["key", "metadata", "reference"]);

/** Ends the command, as any wrong value does, where an option of it is empty. */
export function refuseEmpty(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (mayBeEmpty.has(name) || command.getOptionValue(name) !== "") continue;
    command.error(`error: option '${option.flags}' is empty. Give it a value, or leave it out.`, {
      code: "commander.invalidArgument",
    });
  }
}
