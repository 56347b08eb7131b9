/** `dlq parked` and `dlq unpark`: keys that wait behind a dead letter. */
import type { Command } from "commander";
import { briefBytes } from "../engine/dead_letters/describe_bytes.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import type { DeadLetterStore } from "../engine/dead_letters/list_dead_letters.ts";
import { listParkedKeys } from "../engine/dead_letters/load_parked_keys.ts";
import type { ParkedKey } from "../engine/dead_letters/parked_entry.ts";
import {
  outcomeDocument,
  outcomeSentence,
  parkedDocument,
  parkedText,
} from "../engine/dead_letters/render_parked_keys.ts";
import { equalBytes } from "../engine/dead_letters/select_dead_letters.ts";
import { forgetQueue } from "../engine/dead_letters/forget_queue.ts";
import { unpark, type UnparkOutcome } from "../engine/dead_letters/unpark.ts";
import { unparkMany } from "../engine/dead_letters/unpark_many.ts";
import {
  type CommonArguments,
  countFromOne,
  type DlqActions,
  hexBytes,
  keyBytes,
  printJson,
  withCommon,
} from "./dlq_options.ts";
import { recordsPerSecond, tell } from "./dlq_redrive.ts";
import { FindingError } from "./exit_codes.ts";
import { progress } from "./progress.ts";
import { print } from "./print.ts";

interface UnparkArguments extends CommonArguments {
  readonly keyHex?: Uint8Array;
  readonly topic?: string;
  readonly group?: string;
  readonly all?: boolean;
  readonly skipFirst?: boolean;
  readonly forget?: boolean;
  readonly perSecond?: number;
  readonly wait: number | boolean;
}

const waitSecondsDefault = 30;

/** Adds `parked`. */
export function addParked(command: Command, actions: DlqActions): void {
  withCommon(command.command("parked"))
    .description("List the keys that are parked: their records wait behind a dead letter.")
    .action((args: CommonArguments) =>
      actions.withStore(args.dlq, async (store, signal) => {
        const parked = await parkedHere(store, {}, signal);
        if (args.json) return printJson(parked.map(parkedDocument));
        print(parked.length > 0 ? parkedText(parked) : "No key is parked.");
      })
    );
}

/** Adds `unpark`. */
export function addUnpark(command: Command, actions: DlqActions): void {
  withCommon(command.command("unpark"))
    .description("Send the records of a parked key back in their order, until the key is free.")
    .argument("[key]", "the key, as text")
    .option("--key-hex <hex>", "the key, when it is not text", hexBytes)
    .option("--all", "every key that is parked")
    .option("--topic <topic>", "only where it is parked in this topic")
    .option("--group <group>", "only where this group has parked it")
    .option("--skip-first", "pass over the record that holds the others up: it is NOT processed")
    .option("--forget", "free the key without sending anything: its order is lost")
    .option("--per-second <n>", "at most so many records a second", recordsPerSecond)
    .option(
      "--wait <seconds>",
      "how long a worker may take for a round",
      countFromOne,
      waitSecondsDefault,
    )
    .option("--no-wait", "send once; the key is free when a worker has done it all")
    .addHelpText("after", unparkHelp)
    .action((key: string | undefined, args: UnparkArguments, self: Command) => {
      if ([key !== undefined, args.keyHex !== undefined, args.all].filter(Boolean).length !== 1) {
        self.error("error: name one key, or say --all");
      }
      return actions.withStore(args.dlq, async (store, signal, audit) => {
        const wanted = args.keyHex ?? (key === undefined ? undefined : keyBytes(key));
        const parked = (await parkedHere(store, args, signal)).filter((candidate) =>
          wanted === undefined || equalBytes(candidate.key, wanted)
        );
        if (parked.length === 0) {
          progress(`No such key is parked. "deno task dlq parked" lists those that are.`);
          if (wanted && args.json) printJson([]);
          if (wanted) throw new FindingError("no such key is parked");
        }
        const free = () =>
          args.forget
            ? forgetAll(store, parked, args, signal)
            : unparkAll(store, parked, args, signal);
        if (parked.length === 0) return await free();
        const { keyHex: _, ...given } = args;
        const keys = parked.map((each) => briefBytes(each.key));
        const deed = { action: "dlq unpark", target: store.topic, detail: { ...given, keys } };
        await audit(deed, free);
      });
    });
}

const unparkHelp = `
Each round sends what waits now, and then looks whether a worker has processed it. Records of the
key that arrive meanwhile wait behind it and go with the next round, so the order of the key holds.
It may be interrupted and repeated.

When the first record fails again the others keep waiting: fix the cause and unpark again, or pass
it over with --skip-first. --forget is for a queue whose records are gone from the dead letters; it
works while a worker runs.

Exit code 0: free, or sent with --no-wait; 1: something still waits; 2: wrong use, or Kafka cannot
be reached.`;

async function unparkAll(
  store: DeadLetterStore,
  parked: readonly ParkedKey[],
  { wait, skipFirst, perSecond, json }: UnparkArguments,
  signal: AbortSignal,
): Promise<void> {
  const waitSeconds = wait === true ? waitSecondsDefault : Number(wait);
  const options = { waitMsMax: waitSeconds * 1_000, skipFirst, perSecond };
  const [only] = parked;
  const outcomes: readonly UnparkOutcome[] = only && parked.length === 1
    ? [await unpark(store, only, options, signal, tell())]
    : await unparkMany(store, parked, options, signal, tell());
  if (!json) {
    for (const outcome of outcomes) {
      print(wrapped(`${briefBytes(outcome.parked.key)}: ${outcomeSentence(outcome)}`, "  "));
    }
  }
  if (json) printJson(outcomes.map(outcomeDocument));
  const good = outcomes.filter(({ kind }) => kind === "free" || (kind === "sent" && !waitSeconds));
  if (good.length < outcomes.length) throw new FindingError("some keys are still parked");
}

async function forgetAll(
  store: DeadLetterStore,
  parked: readonly ParkedKey[],
  { json }: UnparkArguments,
  signal: AbortSignal,
): Promise<void> {
  for (const key of parked) {
    const forgotten = await forgetQueue(store, key, signal);
    if (!json) {
      const left = `${key.length - key.done} record(s) of it stay dead letters`;
      const what = forgotten ? `free; ${left}` : "was free already";
      print(wrapped(`${briefBytes(key.key)}: ${what}`, "  "));
    }
  }
  if (json) printJson(parked.map((key) => ({ ...parkedDocument(key), outcome: "forgotten" })));
}

async function parkedHere(
  store: DeadLetterStore,
  { topic, group }: Pick<UnparkArguments, "topic" | "group">,
  signal: AbortSignal,
): Promise<readonly ParkedKey[]> {
  return (await listParkedKeys(store.log, { signal })).filter((key) =>
    key.deadLetters === store.topic &&
    (topic === undefined || key.topic === topic) &&
    (group === undefined || key.groupId === group)
  );
}
