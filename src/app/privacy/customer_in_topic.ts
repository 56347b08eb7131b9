/** Where a customer's name stands in a topic, and when the last such record is gone. Reads all of it; changes nothing. */
import { readRange } from "../../engine/core/read_range.ts";
import type { InputRecord } from "../../engine/core/record.ts";
import type { RecordLog } from "../../engine/dead_letters/record_log.ts";

/** Records of a topic that name the customer. */
export interface CustomerInTopic {
  readonly topic: string;
  readonly records: number;
  /** The time of the oldest and the newest of them, ISO 8601; null where there is none. */
  readonly oldest: string | null;
  readonly newest: string | null;
  /** `partition/offset` of the first of them. */
  readonly places: readonly string[];
  /** As the topic has it, milliseconds; -1 for ever, null where the broker does not tell. */
  readonly retentionMs: number | null;
  /** ISO 8601: when the last of them is gone at the latest, if nothing is changed. Null: never, or not known. */
  readonly goneBy: string | null;
}

/** What of the topic's settings decides how long a record stays. */
export interface TopicAge {
  readonly retentionMs: number;
  /** A segment is deleted as a whole, when its youngest record is old enough. */
  readonly segmentMs: number;
}

const placesMax = 10;
/** Kafka looks every five minutes, and then takes the files away a minute later. */
const sweepMs = 10 * 60_000;

/** A topic that is not there holds nothing. */
export async function findCustomerInTopic(
  log: RecordLog,
  topic: string,
  userId: string,
  age: TopicAge | undefined,
  signal: AbortSignal,
): Promise<CustomerInTopic> {
  const names = namesCustomer(userId);
  const places: string[] = [];
  let records = 0;
  let [oldest, newest] = [Infinity, -Infinity];
  const partitions = await log.partitionCount(topic) ?? 0;
  for (let partition = 0; partition < partitions; partition++) {
    const { start: from, end: to } = await log.range({ topic, partition });
    for await (const run of readRange(log, { topic, partition, from, to }, signal)) {
      for (const record of run) {
        if (!names(record)) continue;
        if (records++ < placesMax) places.push(`${partition}/${record.offset}`);
        oldest = Math.min(oldest, record.timestamp);
        newest = Math.max(newest, record.timestamp);
      }
    }
  }
  const { retentionMs, segmentMs } = age ?? { retentionMs: null, segmentMs: 0 };
  const isBounded = records > 0 && retentionMs !== null && retentionMs >= 0;
  return {
    topic,
    records,
    oldest: isoTime(oldest),
    newest: isoTime(newest),
    places,
    retentionMs,
    goneBy: isBounded ? isoTime(newest + segmentMs + retentionMs + sweepMs) : null,
  };
}

/** Whether a record's value names the customer: as its `user_id`, or, where it is no JSON, anywhere as a text. */
export function namesCustomer(userId: string): (record: Pick<InputRecord, "value">) => boolean {
  const quoted = JSON.stringify(userId);
  const decoder = new TextDecoder();
  return ({ value }) => {
    const text = value === null ? "" : decoder.decode(value);
    // JSON may write any letter in another way, as \u0061: only where it does is each value parsed.
    if (!text.includes(quoted) && !text.includes("\\u")) return false;
    try {
      const event: unknown = JSON.parse(text);
      return typeof event === "object" && event !== null &&
        Reflect.get(event, "user_id") === userId;
    } catch {
      return text.includes(quoted);
    }
  };
}

function isoTime(ms: number): string | null {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;
}
