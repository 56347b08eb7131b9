/** `dlq groups`: how many dead letters of each cause. */
import type { Command } from "commander";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import { listGroups } from "../engine/dead_letters/list_groups.ts";
import { groupDocument, groupsText } from "../engine/dead_letters/render_groups.ts";
import {
  type DlqActions,
  printJson,
  type SelectionArguments,
  selectionOf,
  withCommon,
  withSelection,
} from "./dlq_options.ts";
import { print } from "./print.ts";

/** Adds `groups`. */
export function addGroups(command: Command, actions: DlqActions): void {
  withSelection(withCommon(command.command("groups")))
    .description("Count dead letters by cause: how many of each, since when, and some of them.")
    .option("--pending", "only those that were not redriven yet")
    .addHelpText("after", help)
    .action((args: SelectionArguments & { readonly pending?: boolean }) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const options = { ...selectionOf(args), pending: args.pending };
        const found = await listGroups(store, options, signal);
        const { groups, count, others } = found;
        if (args.json) return printJson({ groups: groups.map(groupDocument), count, others });
        print(
          count === 0 ? wrapped(`No dead letters in ${store.topic} match.`) : groupsText(found),
        );
      })
    );
}

const help = `
A cause is the class of the error, its text without what differs from record to record (numbers,
ids, what is quoted), the flow that gave the record up and the topic that it came from. Its
fingerprint stays the same, so it can be named later:
  dlq list --fingerprint 5f0c9a17e2d4
  dlq redrive --fingerprint 5f0c9a17e2d4

It reads the whole topic once. Beyond 1,000 causes, the others are counted together.`;
