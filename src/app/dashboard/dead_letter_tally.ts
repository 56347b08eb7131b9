/** Counts dead letters by class and by cause as they are written. It reads each of them once, and moves no consumer group's offset. */
import type { LogRange, PartitionReader } from "../../engine/core/ports.ts";
import {
  formatPartition,
  type InputRecord,
  type TopicPartition,
} from "../../engine/core/record.ts";
import { formatAddress } from "../../engine/dead_letters/dead_letter_address.ts";
import {
  createGrouping,
  type DeadLetterGroup,
} from "../../engine/dead_letters/group_dead_letters.ts";
import { type DeadLetter, readDeadLetter } from "../../engine/dead_letters/read_dead_letter.ts";
import { timeText } from "../../engine/core/iso_time.ts";
import type { CauseRow, DeadLetterRow, DeadLetters } from "./dashboard_data.ts";

/** Opens a partition for reading from an offset, without a group; `src/kafka` implements it. */
export type OpenReader = (
  partition: TopicPartition,
  fromOffset: number,
) => Promise<PartitionReader & AsyncDisposable>;

/** The running count. */
export interface DeadLetterTally {
  /** Reads on towards these ends, a bounded number of records; answers with the count so far. */
  readTo(ends: readonly (TopicPartition & LogRange)[], signal: AbortSignal): Promise<DeadLetters>;
}

const recordsPerReadMax = 5_000;
const bounds = { recordsMax: 1_000, bytesMax: 4 * 1024 * 1024 };
const latestMax = 6;
const causesMax = 12;
const errorCharactersMax = 300;

/** A count that starts at the beginning of the topic. Nothing is connected while no dead letter is added. */
export function createDeadLetterTally(open: OpenReader): DeadLetterTally {
  const next = new Map<string, number>();
  const byClass = new Map<string, number>();
  const grouping = createGrouping();
  let records = 0;
  let latest: DeadLetterRow[] = [];

  function add(record: InputRecord): void {
    const letter = readDeadLetter(record);
    const row = rowOf(letter);
    records++;
    grouping.add(letter);
    byClass.set(row.error_class, (byClass.get(row.error_class) ?? 0) + 1);
    latest.push(row);
  }

  async function readPartition(end: TopicPartition & LogRange, signal: AbortSignal) {
    const name = formatPartition(end);
    let position = Math.max(next.get(name) ?? 0, end.start);
    if (position >= end.end) return;
    await using reader = await open(end, position);
    const stopAt = Math.min(end.end, position + recordsPerReadMax);
    while (position < stopAt) {
      const batch = await reader.next(bounds, signal);
      for (const record of batch.records) add(record);
      next.set(name, position = batch.nextOffset);
    }
  }

  return {
    async readTo(ends, signal) {
      await Promise.all(ends.map((end) => readPartition(end, signal)));
      latest = latest.sort((a, b) => b.at.localeCompare(a.at) || b.offset - a.offset)
        .slice(0, latestMax);
      return {
        records,
        by_class: [...byClass].map(([error_class, records]) => ({ error_class, records }))
          .sort((a, b) => b.records - a.records || a.error_class.localeCompare(b.error_class)),
        by_cause: grouping.groups().groups.slice(0, causesMax).map(causeOf),
        unread: ends.reduce((sum, end) => {
          const position = Math.max(next.get(formatPartition(end)) ?? 0, end.start);
          return sum + Math.max(0, end.end - position);
        }, 0),
        latest: [...latest],
      };
    },
  };
}

function causeOf(group: DeadLetterGroup): CauseRow {
  return {
    fingerprint: group.fingerprint,
    error_class: group.errorClass,
    reason: group.reason.slice(0, errorCharactersMax),
    records: group.count,
    last: timeText(group.last),
    samples: group.samples.map(formatAddress),
  };
}

const utf8 = new TextDecoder();

function rowOf({ record, errorClass, error }: DeadLetter): DeadLetterRow {
  const { partition, offset, timestamp, key } = record;
  return {
    partition,
    offset,
    at: timeText(timestamp),
    key: key === null ? "" : utf8.decode(key),
    error_class: errorClass,
    error: error.slice(0, errorCharactersMax),
  };
}
