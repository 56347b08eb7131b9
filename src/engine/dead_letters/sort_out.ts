/** Tells dead letters that can go back, with the records that they become, from those that cannot. Writes nothing. */
import { HaltError } from "../core/errors.ts";
import type { OutputRecord } from "../core/record.ts";
import type { DeadLetter } from "./read_dead_letter.ts";
import type { RecordLog } from "./record_log.ts";
import { redriveTarget, restoreRecord, type TargetOptions } from "./restore_record.ts";

/** Dead letters, those that can go back with their records. */
export interface Sorted {
  readonly going: readonly { readonly deadLetter: DeadLetter; readonly record: OutputRecord }[];
  readonly refused: readonly { readonly deadLetter: DeadLetter; readonly reason: string }[];
}

/** What the operator wishes. */
export interface SortOptions extends TargetOptions {
  /** Another group than the one they failed in, or `all`: only it works on them. */
  readonly for?: string;
  /** They go back to be passed over. */
  readonly skip?: boolean;
}

/** @throws {HaltError} when the topic that the operator named does not exist */
export async function sortOut(
  log: RecordLog,
  deadLetters: readonly DeadLetter[],
  options: SortOptions,
): Promise<Sorted> {
  const { skip, for: group } = options;
  const now = await log.now();
  const going: { deadLetter: DeadLetter; record: OutputRecord }[] = [];
  const refused: { deadLetter: DeadLetter; reason: string }[] = [];
  for (const deadLetter of deadLetters) {
    const target = await existingTarget(log, deadLetter, options);
    if ("refused" in target) refused.push({ deadLetter, reason: target.refused });
    else {
      const record = restoreRecord(deadLetter, { ...target, skip, for: group, now });
      going.push({ deadLetter, record });
    }
  }
  return { going, refused };
}

/** Whether a dead letter can go back. @throws {HaltError} as {@linkcode sortOut} does */
export async function canGoBack(
  log: RecordLog,
  deadLetter: DeadLetter,
  options: TargetOptions,
): Promise<boolean> {
  return !("refused" in await existingTarget(log, deadLetter, options));
}

async function existingTarget(
  log: RecordLog,
  deadLetter: DeadLetter,
  options: TargetOptions,
): Promise<
  { readonly topic: string; readonly partitionCount: number } | { readonly refused: string }
> {
  const target = redriveTarget(deadLetter, options);
  if ("refused" in target) return target;
  const { topic } = target;
  const partitionCount = await log.partitionCount(topic);
  if (partitionCount !== undefined) return { topic, partitionCount };
  const missing = `Cannot redrive to topic ${topic}: it does not exist. Make it`;
  if (options.to !== undefined) throw new HaltError(`${missing}, or name another with --to`);
  // A redrive of all that is pending begins behind what it has passed over.
  return {
    refused: `${missing} and redrive with --topic ${topic}, or send it elsewhere with ` +
      `--topic ${topic} --to TOPIC`,
  };
}
