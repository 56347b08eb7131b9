/** `new`: a project of one's own to begin with. */
import { relative } from "node:path";
import { Command } from "commander";
import { newProject } from "../tools/new_project/new_project.ts";
import { print } from "./print.ts";

/** The command, ready to be added to the program. */
export function newCommand(): Command {
  return new Command("new")
    .description(
      "Write a starting project that uses onceflow: a flow, its test, deno.json, compose file.",
    )
    .argument(
      "<name>",
      "its name, made beside this checkout; or a path to a directory that is to be made",
    )
    .addHelpText(
      "after",
      "\nIt imports onceflow from this checkout by path; src/flows.md says how else. Nothing is overwritten.",
    )
    .action(async (place: string) => {
      const { directory, files } = await newProject(place);
      const shown = relative(Deno.cwd(), directory);
      print(
        `Made ${shown} with ${files.join(", ")}. Try it:\n\n  cd ${shown}\n  deno task test\n`,
      );
    });
}
