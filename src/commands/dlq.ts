/** `dlq`: look at dead letters, and send them back. */
import { Buffer } from "node:buffer";
import { Command, InvalidArgumentError } from "commander";
import {
  type DeadLetterAddress,
  formatAddress,
  parseAddress,
} from "../dead_letters/dead_letter_address.ts";
import { brief } from "../dead_letters/describe_bytes.ts";
import { findDeadLetter } from "../dead_letters/find_dead_letter.ts";
import { type DeadLetterStore, listDeadLetters } from "../dead_letters/list_dead_letters.ts";
import type { DeadLetter } from "../dead_letters/read_dead_letter.ts";
import { redriveDeadLetters, type RedriveReport } from "../dead_letters/redrive.ts";
import {
  deadLetterDetails,
  deadLetterDocument,
  deadLettersTable,
} from "../dead_letters/render_dead_letters.ts";
import type { Selection } from "../dead_letters/select_dead_letters.ts";
import { progress } from "./progress.ts";
import { FindingError } from "./exit_codes.ts";

/** What the commands are given by whoever mounts them. */
export interface DlqActions {
  /**
   * Opens the named dead-letter topic, or the one of the settings, and closes it when `act` is done. The signal fires at
   * SIGINT and SIGTERM.
   */
  withStore<T>(
    topic: string | undefined,
    act: (store: DeadLetterStore, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

interface Common {
  readonly dlq?: string;
  readonly json?: boolean;
}

interface SelectionArguments extends Common {
  readonly topic?: string;
  readonly class?: string;
  readonly key?: string;
  readonly keyHex?: Uint8Array;
}

/** The command, ready to be added to the program. */
export function dlqCommand(actions: DlqActions): Command {
  const command = new Command("dlq").description(
    "Dead letters: records that could not be processed. List them, look at one, send them back.",
  ).addHelpText("after", help);
  addList(command, actions);
  addShow(command, actions);
  addRedrive(command, actions);
  return command;
}

const help = `
A dead letter is named by its place in the dead-letter topic: PARTITION/OFFSET, as in 2/17.

A typical round:
  dlq list --pending            what failed, why, and where it came from
  dlq show 2/17                 all headers and the value of one
  (mend the cause)
  dlq redrive --class TaxError --dry-run
  dlq redrive --class TaxError  send those back; each goes once, whatever crashes in between

Exit code 0: done; 1: a finding; 2: wrong use, or Kafka cannot be reached.`;

function addList(command: Command, actions: DlqActions): void {
  withSelection(withCommon(command.command("list")))
    .description("List dead letters, the newest first.")
    .option("--limit <n>", "at most so many", wholeNumber, 20)
    .option("--oldest", "the oldest first")
    .option("--pending", "only those that were not redriven yet")
    .action((args: SelectionArguments & ListArguments) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const { limit, pending, oldest } = args;
        const order = oldest ? "oldest" : "newest";
        const options = { ...selectionOf(args), limit, pending, order } as const;
        const found = await listDeadLetters(store, options, signal);
        if (args.json) return printJson(found.map(deadLetterDocument));
        if (found.length === 0) return console.log(`No dead letters in ${store.topic} match.`);
        console.log(deadLettersTable(found));
        if (found.length === limit) progress(`There may be more: --limit is ${limit}.`);
      })
    );
}

interface ListArguments {
  readonly limit: number;
  readonly oldest?: boolean;
  readonly pending?: boolean;
}

function addShow(command: Command, actions: DlqActions): void {
  withCommon(command.command("show"))
    .description("Show one dead letter: why it failed, all headers, and its value.")
    .argument("<address>", "PARTITION/OFFSET", address)
    .option("--raw", "write the value's bytes, exactly, and nothing else")
    .action((at: DeadLetterAddress, args: Common & { readonly raw?: boolean }) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const found = await findDeadLetter(store, at, signal);
        if (args.raw) return await writeAll(found.record.value ?? new Uint8Array());
        if (args.json) return printJson(deadLetterDocument(found));
        console.log(deadLetterDetails(found));
      })
    );
}

function addRedrive(command: Command, actions: DlqActions): void {
  withSelection(withCommon(command.command("redrive")))
    .description(
      "Send dead letters back to the topic and partition that they came from, each once.",
    )
    .argument(
      "[addresses...]",
      "PARTITION/OFFSET of each; all that are pending where absent",
      addressList,
      [],
    )
    .option("--to <topic>", "send them to another topic")
    .option("--limit <n>", "at most so many", wholeNumber)
    .option("--again", "also those that were redriven before (name them, or a key, class or topic)")
    .option("--dry-run", "only say what would be done")
    .addHelpText("after", redriveHelp)
    .action((addresses: DeadLetterAddress[], args: SelectionArguments & RedriveArguments) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const { to, limit, again, dryRun } = args;
        const options = { ...selectionOf(args), addresses, to, limit, again, dryRun };
        const report = await redriveDeadLetters(store, options, signal, {
          redriven: (letters) => progress(`${verb(dryRun)}: ${namesOf(letters)}`),
          doubt: (_, reason) => progress(`${brief(reason, 200)}; looking up what became of it`),
        });
        if (args.json) printJson({ ...report, dryRun: dryRun ?? false });
        else console.log(redriveSummary(report, dryRun));
        if (addresses.length > report.redriven + report.skipped && limit === undefined) {
          progress("Not all of the named dead letters exist, or match.");
          throw new FindingError("not all of the named dead letters exist");
        }
      })
    );
}

interface RedriveArguments {
  readonly to?: string;
  readonly limit?: number;
  readonly again?: boolean;
  readonly dryRun?: boolean;
}

const redriveHelp = `
The original bytes go back, with one more header: x-redriven-from. The records and the note that they
were redriven are one Kafka transaction, so an interrupted redrive is simply run again. A record that
fails again becomes a new dead letter, which this run leaves alone.
Every consumer of the original topic sees the record again, not only the one that failed on it.`;

function redriveSummary(
  { redriven, skipped, byTopic }: RedriveReport,
  dryRun: boolean | undefined,
): string {
  const topics = Object.entries(byTopic).map(([topic, count]) => `${count} to ${topic}`);
  return `${verb(dryRun)}: ${redriven}${topics.length > 0 ? ` (${topics.join(", ")})` : ""}. ` +
    `Redriven before, so left alone: ${skipped}.`;
}

function verb(dryRun: boolean | undefined): string {
  return dryRun ? "Would redrive" : "Redriven";
}

function namesOf(letters: readonly DeadLetter[]): string {
  const names = letters.map(({ record }) => formatAddress(record));
  return names.length > 10
    ? `${names.length} from ${names[0]} to ${names.at(-1)}`
    : names.join(" ");
}

function withCommon(command: Command): Command {
  return command
    .option("--dlq <topic>", "the dead-letter topic (DEAD_LETTERS_TOPIC where absent)")
    .option("--json", "print one JSON document");
}

function withSelection(command: Command): Command {
  return command
    .option("--topic <topic>", "only those that came from this topic")
    .option("--class <class>", "only those that failed with this class of error")
    .option("--key <text>", "only those of this key")
    .option("--key-hex <hex>", "the same, for a key that is not text", hexBytes);
}

function selectionOf({ topic, class: errorClass, key, keyHex }: SelectionArguments): Selection {
  return {
    topic,
    errorClass,
    key: keyHex ?? (key === undefined ? undefined : new TextEncoder().encode(key)),
  };
}

function address(text: string): DeadLetterAddress {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function addressList(text: string, before: readonly DeadLetterAddress[]): DeadLetterAddress[] {
  return [...before, address(text)];
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number from 1 on.");
}

function hexBytes(text: string): Uint8Array {
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  throw new InvalidArgumentError("It must be pairs of hexadecimal digits.");
}

function printJson(document: unknown): void {
  console.log(JSON.stringify(document, null, 2));
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  const writer = Deno.stdout.writable.getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}
