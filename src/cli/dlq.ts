/** `dlq`: look at dead letters, send them back, and free parked keys. */
import { Command } from "commander";
import type { DeadLetterAddress } from "../engine/dead_letters/dead_letter_address.ts";
import { findDeadLetter } from "../engine/dead_letters/find_dead_letter.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import { listPage } from "../engine/dead_letters/list_dead_letters.ts";
import {
  deadLetterDetails,
  deadLetterDocument,
  deadLettersText,
} from "../engine/dead_letters/render_dead_letters.ts";
import {
  address,
  type CommonArguments,
  countFromOne,
  type DlqActions,
  printJson,
  type SelectionArguments,
  selectionOf,
  withCommon,
  withSelection,
} from "./dlq_options.ts";
import { addGroups } from "./dlq_groups.ts";
import { addRedrive } from "./dlq_redrive.ts";
import { addRepro } from "./dlq_repro.ts";
import { addParked, addUnpark } from "./dlq_unpark.ts";
import { progress } from "./progress.ts";
import { print } from "./print.ts";

export type { DlqActions };

/** The command, ready to be added to the program. */
export function dlqCommand(actions: DlqActions): Command {
  const command = new Command("dlq").description(
    "Dead letters: records that could not be processed. List them, look at one, send them back.",
  ).addHelpText("after", help);
  addList(command, actions);
  addGroups(command, actions);
  addShow(command, actions);
  addRepro(command, actions);
  addRedrive(command, actions);
  addParked(command, actions);
  addUnpark(command, actions);
  return command;
}

const help = `
A dead letter is named by its place in the dead-letter topic: PARTITION/OFFSET, as in 2/17.

A typical round:
  dlq groups --pending          how many of each cause, since when, and some of them
  dlq list --pending            what failed, why, and where it came from
  dlq show 2/17                 all headers and the value of one
  dlq repro 2/17 > repro_test.ts  a test with its exact bytes, to fix the flow with
  (fix the cause)
  dlq redrive --fingerprint 5f0c9a17e2d4 --dry-run
  dlq redrive --class TaxError  send those back; each goes once, whatever crashes in between

Where a flow parks keys, the records that follow a dead letter of their key wait for it:
  dlq parked                    which keys wait, since when, and how many records
  dlq unpark order-17           send them back in order until the key is free

Exit code 0: done; 1: a finding; 2: wrong use, or Kafka cannot be reached.`;

function addList(command: Command, actions: DlqActions): void {
  withSelection(withCommon(command.command("list")))
    .description("List dead letters, the newest first.")
    .option("--limit <n>", "at most this many", countFromOne, 20)
    .option("--oldest", "the oldest first")
    .option("--after <next>", 'go on after an earlier list: what that named as "next"')
    .option("--pending", "only those that were not redriven yet")
    .action((args: SelectionArguments & ListArguments) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const { limit, pending, oldest } = args;
        const order = oldest ? "oldest" : "newest";
        const options = { ...selectionOf(args), limit, pending, order, after: args.after } as const;
        const { deadLetters, next } = await listPage(store, options, signal);
        if (args.json) {
          return printJson({
            dead_letters: deadLetters.map(deadLetterDocument),
            next: next ?? null,
          });
        }
        print(
          deadLetters.length > 0
            ? deadLettersText(deadLetters)
            : wrapped(`No dead letters in ${store.topic} match.`),
        );
        if (next !== undefined) progress(wrapped(`There are more: --after ${next}`));
      })
    );
}

interface ListArguments {
  readonly limit: number;
  readonly oldest?: boolean;
  readonly after?: string;
  readonly pending?: boolean;
}

function addShow(command: Command, actions: DlqActions): void {
  withCommon(command.command("show"))
    .description("Show one dead letter: why it failed, all headers, and its value.")
    .argument("<address>", "PARTITION/OFFSET", address)
    .option("--raw", "write the value's bytes, exactly, and nothing else")
    .action((at: DeadLetterAddress, args: CommonArguments & { readonly raw?: boolean }) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const found = await findDeadLetter(store, at, signal);
        if (args.raw) return await writeAll(found.record.value ?? new Uint8Array());
        if (args.json) return printJson(deadLetterDocument(found));
        print(deadLetterDetails(found));
      })
    );
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  const writer = Deno.stdout.writable.getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}
