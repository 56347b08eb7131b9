/** Makes the help of commands fit a terminal of 100 columns. It knows no command. */
import type { Command } from "commander";
import { columns, columnsOf, wrapped } from "../engine/dead_letters/fit_columns.ts";

/**
 * Commander breaks descriptions and options, to the terminal's width and so to any; what is added after them it leaves as it
 * is.
 *
 * @param write where help goes; stdout where it is absent
 */
export function fitHelp(command: Command, write?: (text: string) => void): void {
  const { writeOut, getOutHelpWidth } = command.configureOutput();
  command.configureOutput({
    writeOut: (text) => (write ?? writeOut)?.(filled(text)),
    getOutHelpWidth: () => Math.min(getOutHelpWidth?.() ?? columns, columns),
  });
  for (const child of command.commands) fitHelp(child, write);
}

/** The text with each paragraph that is too wide anywhere broken anew; lists and tables, which are indented, stay. */
function filled(text: string): string {
  return text.replaceAll(/^\S.*(?:\n\S.*)*/gm, (paragraph) => {
    const lines = paragraph.split("\n");
    return lines.some((line) => columnsOf(line) > columns) ? wrapped(lines.join(" ")) : paragraph;
  });
}
