/** `dlq redrive`: send dead letters back, each once. */
import type { Command } from "commander";
import {
  type DeadLetterAddress,
  formatAddress,
} from "../engine/dead_letters/dead_letter_address.ts";
import { brief } from "../engine/dead_letters/describe_bytes.ts";
import { formatPartition } from "../engine/core/record.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import type { DeadLetterStore } from "../engine/dead_letters/list_dead_letters.ts";
import { otherReaders } from "../engine/dead_letters/other_readers.ts";
import type { DeadLetter } from "../engine/dead_letters/read_dead_letter.ts";
import {
  missingOf,
  redriveDeadLetters,
  type RedriveReport,
  wouldRedrive,
} from "../engine/dead_letters/redrive.ts";
import type { RedriveObserver, RedriveOptions } from "../engine/dead_letters/redrive_options.ts";
import { perSecondMax } from "../engine/dead_letters/redrive_pace.ts";
import { askFirst } from "./ask_first.ts";
import {
  addressList,
  countFromOne,
  type DlqActions,
  printJson,
  type SelectionArguments,
  selectionOf,
  withCommon,
  withSelection,
} from "./dlq_options.ts";
import { otherReadersText, tellUnknown } from "./dlq_other_readers.ts";
import { FindingError } from "./exit_codes.ts";
import { wholeNumber } from "./number_option.ts";
import { progress } from "./progress.ts";
import { print } from "./print.ts";

/** Adds the command. */
export function addRedrive(command: Command, actions: DlqActions): void {
  withSelection(withCommon(command.command("redrive")))
    .description(
      "Send dead letters back to the topic and partition that they came from, each once.",
    )
    .argument(
      "[addresses...]",
      "PARTITION/OFFSET of each; without any, all that are pending",
      addressList,
      [],
    )
    .option("--to <topic>", "send them to another topic")
    .option(
      "--for <group>",
      "the group that is to process them, or all (default: the group that they failed in)",
    )
    .option("--limit <n>", "at most this many", countFromOne)
    .option(
      "--trips-max <n>",
      "leave alone what has failed more often than this, unless it is named (default: 10)",
      countFromOne,
    )
    .option(
      "--again",
      "also those that were redriven before (name them, or a key, class, cause or topic)",
    )
    .option("--per-second <n>", "at most this many records a second", recordsPerSecond)
    .option("--yes", "do not ask, with --again")
    .option("--dry-run", "only say what would be done")
    .addHelpText("after", redriveHelp)
    .action((addresses: DeadLetterAddress[], args: SelectionArguments & RedriveArguments) =>
      actions.withStore(args.dlq, async (store, signal, audit) => {
        const { for: group, to, limit, tripsMax, perSecond, again, dryRun } = args;
        const given = { to, for: group, limit, tripsMax, perSecond, again };
        const options = { ...selectionOf(args), ...given, addresses };
        if (again && !dryRun) await askAgain(store, options, actions, args.yes, signal);
        const meantFor = new Set(group === undefined ? [] : [group]);
        const observer = noting(meantFor, group, tell(dryRun));
        const lookOnly = dryRun || !await wouldRedrive(store, options, signal);
        const redrive = () =>
          redriveDeadLetters(store, { ...options, dryRun: lookOnly }, signal, observer);
        const deed = {
          action: "dlq redrive",
          target: store.topic,
          detail: givenOf(args, addresses),
        };
        const report = lookOnly ? await redrive() : await audit(deed, redrive);
        // Topics stand as values: a name of a field would be written in snake_case.
        const byTopic = Object.entries(report.byTopic)
          .map(([topic, records]) => ({ topic, records }));
        const topics = Object.keys(report.byTopic);
        const others = await otherReaders(store, topics, meantFor, tellUnknown(topics));
        if (args.json) {
          printJson({ ...report, byTopic, otherGroups: others, dryRun: dryRun ?? false });
        } else {
          print([redriveSummary(report, dryRun), otherReadersText(others ?? [])].join("\n").trim());
        }
        if (report.refused > 0) {
          throw new FindingError(`${report.refused} dead letter(s) cannot go back`);
        }
        if (missingOf(report, options) > 0) {
          progress(wrapped(
            `Not all of the named dead letters exist, or match. "deno task dlq list" shows those that do.`,
          ));
          throw new FindingError("not all of the named dead letters exist");
        }
      })
    );
}

/** Keeps for whom the records are that go back. */
function noting(
  groups: Set<string>,
  named: string | undefined,
  observer: RedriveObserver,
): RedriveObserver {
  return {
    ...observer,
    redriven(letters, topics) {
      if (named === undefined) { for (const { groupId } of letters) groups.add(groupId); }
      observer.redriven?.(letters, topics);
    },
  };
}

/** Says what would be done a second time, and asks. @throws {NotConfirmedError} */
async function askAgain(
  store: DeadLetterStore,
  options: RedriveOptions,
  actions: DlqActions,
  yes: boolean | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { again, redriven } = await redriveDeadLetters(store, { ...options, dryRun: true }, signal);
  if (again === 0) return;
  progress(
    wrapped(
      `${again} of the ${redriven} dead letter(s) were sent back before. Where they were processed ` +
        "then, that is done a second time now: their outputs are written again.",
    ),
  );
  askFirst(`Send these ${again} once more?`, { yes, confirm: actions.confirm, not: "sent" });
}

/** Reads a pace. */
export const recordsPerSecond = wholeNumber(1, perSecondMax);

/** The arguments as an operator knows them again. */
function givenOf(
  { keyHex, ...args }: SelectionArguments & RedriveArguments,
  addresses: readonly DeadLetterAddress[],
): Record<string, unknown> {
  const named = addresses.map(({ partition, offset }) => `${partition}/${offset}`);
  return { ...args, ...(keyHex && { keyHex: keyHex.toHex() }), addresses: named };
}

interface RedriveArguments {
  readonly to?: string;
  readonly for?: string;
  readonly limit?: number;
  readonly tripsMax?: number;
  readonly perSecond?: number;
  readonly yes?: boolean;
  readonly again?: boolean;
  readonly dryRun?: boolean;
}

const redriveHelp = `
The original bytes go back. The records, and the entries that say that they were redriven, are one
Kafka transaction, so an interrupted redrive is simply run again. A record that fails again becomes
a new dead letter, which this run leaves alone. It keeps its first timestamp when that is less than
a day old.

The headers that it gets say which dead letter it was (x-redriven-from), which group it is for
(x-redriven-for), how often it went back, how often it was tried, and where and when it failed first
(x-redriven-trips, -attempts, -first-origin, -first-failed-at); they stay when it fails again. What
has failed more than --trips-max times is left alone unless it is named by its address.

With --again, what was sent back before is sent once more: where it was processed then, that is done
a second time. It says how many these are and asks; without a terminal it needs --yes.

A dead letter that is not whole (truncated, or only a reference to its place), that names no origin,
or whose topic is gone cannot go back: it is reported and stays pending, the others go back, and the
exit code is 1.
The dead letters of Spring Kafka and Kafka Connect are understood.

It is for the group that failed on it: other flows of onceflow on that topic pass it over. After a
flow was renamed, name its new group with --for, or "--for all". Every other consumer of the topic
sees the record again, and so does each reader of a topic that is named with --to: the other groups
that read it are named at the end (with --dry-run, too), as far as this user may see them.`;

function redriveSummary(
  { redriven, again, skipped, refused, removed, byTopic }: RedriveReport,
  dryRun: boolean | undefined,
): string {
  const topics = Object.entries(byTopic).map(([topic, count]) => `${count} to ${topic}`);
  return wrapped(
    `${verb(dryRun)}: ${redriven}${topics.length > 0 ? ` (${topics.join(", ")})` : ""}. ` +
      (again > 0 ? `Redriven before, and now again: ${again}. ` : "") +
      `Redriven before, so left alone: ${skipped}.` +
      (refused > 0 ? ` Cannot go back, so still pending: ${refused}.` : "") +
      (removed > 0 ? ` Removed by retention before they were redriven: up to ${removed}.` : ""),
  );
}

/** Says on the way what is redriven. */
export function tell(dryRun?: boolean): RedriveObserver {
  return {
    redriven: (letters) => progress(wrapped(`${verb(dryRun)}: ${namesOf(letters)}`)),
    passedOver: (letters) => progress(wrapped(`Passed over: ${namesOf(letters)}`)),
    removed: (place, offsets, start) =>
      progress(wrapped(
        `Retention has removed what stood in ${
          formatPartition(place)
        } below offset ${start}: up to ` +
          `${offsets} dead letter(s) were never redriven, and are gone`,
      )),
    refused: (_, reason) => progress(wrapped(brief(reason, 1_500))),
    doubt: (_, reason) => progress(wrapped(`${brief(reason, 200)}; looking up what became of it`)),
  };
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
