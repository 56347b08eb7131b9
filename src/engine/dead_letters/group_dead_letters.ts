/** Groups dead letters by fingerprint: how many of each cause, since when, and where some of them lie. Pure; bounded memory. */
import type { DeadLetterAddress } from "./dead_letter_address.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { DeadLetter } from "./read_dead_letter.ts";
import { reasonPattern } from "./reason_pattern.ts";

/** Dead letters that have one cause, as far as their headers tell. */
export interface DeadLetterGroup {
  /** Twelve hexadecimal digits; the same for the same cause in every run, and what `redrive` takes. */
  readonly fingerprint: string;
  /** The class of the failure; empty where no header tells. */
  readonly errorClass: string;
  /** The error without what differs from record to record: `…` for what was quoted, `#` for words with digits. */
  readonly reason: string;
  /** The consumer group of the flow that gave them up; empty where no header tells. */
  readonly groupId: string;
  /** The topic that they came from; undefined where no header tells. */
  readonly topic: string | undefined;
  /** How many there are. */
  readonly count: number;
  /** How many of them were not redriven; undefined where that was not asked. */
  readonly pending: number | undefined;
  /** When the first of them failed, milliseconds. */
  readonly first: number;
  /** When the last of them failed, milliseconds. */
  readonly last: number;
  /** Some of them, the newest first. */
  readonly samples: readonly DeadLetterAddress[];
}

/** All groups, and what did not fit into them. */
export interface DeadLetterGroups {
  /** The largest first. */
  readonly groups: readonly DeadLetterGroup[];
  /** All dead letters that were looked at. */
  readonly count: number;
  /** Those in none of the groups, since there were too many of these. */
  readonly others: number;
}

/** How much is kept. */
export interface GroupLimits {
  /** Groups; the dead letters of further ones are counted together. Default 1,000. */
  readonly groupsMax?: number;
  /** Places of each group. Default 3. */
  readonly samplesMax?: number;
}

/** A dead letter, and whether it was redriven where that is known. */
export type GroupedDeadLetter = DeadLetter & { readonly redriven?: boolean };

/** Groups them. */
export function groupDeadLetters(
  deadLetters: Iterable<GroupedDeadLetter>,
  limits: GroupLimits = {},
): DeadLetterGroups {
  const grouping = createGrouping(limits);
  for (const deadLetter of deadLetters) grouping.add(deadLetter);
  return grouping.groups();
}

/** The same for dead letters that come one by one. */
export interface Grouping {
  /** Counts one; each dead letter is to be given once, in any order. */
  add(deadLetter: GroupedDeadLetter): void;
  /** The groups so far. */
  groups(): DeadLetterGroups;
}

type Counted = { -readonly [Field in keyof DeadLetterGroup]: DeadLetterGroup[Field] };
interface Sample extends DeadLetterAddress {
  readonly at: number;
}

/** Begins without a group. */
export function createGrouping(
  { groupsMax = 1_000, samplesMax = 3 }: GroupLimits = {},
): Grouping {
  const groups = new Map<string, Counted & { samples: readonly Sample[] }>();
  let count = 0;
  let others = 0;

  return {
    add(deadLetter) {
      count++;
      const { record: { partition, offset, timestamp }, redriven } = deadLetter;
      const fingerprint = fingerprintOf(deadLetter);
      let group = groups.get(fingerprint);
      if (group === undefined) {
        if (groups.size >= groupsMax) return void others++;
        groups.set(fingerprint, group = { ...emptyGroup(deadLetter, fingerprint), samples: [] });
      }
      group.count++;
      if (redriven !== undefined) group.pending = (group.pending ?? 0) + (redriven ? 0 : 1);
      // One without a time (of 0, or of -1) tells nothing of when it began.
      if (timestamp > 0 && !(group.first > 0 && group.first <= timestamp)) group.first = timestamp;
      group.last = Math.max(group.last, timestamp);
      group.samples = newest([...group.samples, { partition, offset, at: timestamp }], samplesMax);
    },
    groups: () => ({
      groups: [...groups.values()]
        .map((group) => ({ ...group, samples: group.samples.map(addressOf) }))
        .sort((a, b) => b.count - a.count || b.last - a.last),
      count,
      others,
    }),
  };
}

function emptyGroup(
  { errorClass, error, groupId, origin, record: { timestamp } }: DeadLetter,
  fingerprint: string,
): Counted {
  return {
    fingerprint,
    errorClass,
    reason: reasonPattern(error),
    groupId,
    topic: origin?.topic,
    count: 0,
    pending: undefined,
    first: timestamp,
    last: timestamp,
    samples: [],
  };
}

function newest(samples: readonly Sample[], samplesMax: number): readonly Sample[] {
  return samples.toSorted((a, b) => b.at - a.at || a.partition - b.partition || b.offset - a.offset)
    .slice(0, samplesMax);
}

function addressOf({ partition, offset }: Sample): DeadLetterAddress {
  return { partition, offset };
}
