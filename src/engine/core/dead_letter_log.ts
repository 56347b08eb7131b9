/** Says each dead letter in the log, and when there are too many, how many more there were. */
import { getLogger } from "../packages/logtape.ts";
import { formatPartition, headerText, type InputRecord, type TopicPartition } from "./record.ts";
import type { DeadLetterReason } from "./dead_letter.ts";
import { readTrips } from "./trips.ts";

/** A record that became a dead letter, told once that is committed. */
export interface DeadLettered {
  /** As it was read. */
  readonly record: InputRecord;
  /** Why. */
  readonly reason: DeadLetterReason;
}

const log = getLogger(["onceflow", "core", "dead-letters"]);
const linesMax = 10;
const windowMs = 10_000;
const errorCharsMax = 200;
const keyBytesMax = 256;
const decoder = new TextDecoder();

/** What leads from the line to the record's other traces, for a log of fields: key, event and trace. */
function idsOf({ key, headers }: InputRecord, hidesKey: boolean) {
  return {
    key: key === null || hidesKey ? null : decoder.decode(key.subarray(0, keyBytesMax)),
    event_id: headerText(headers, "event_id") ?? headerText(headers, "ce_id"),
    trace_id: headerText(headers, "traceparent")?.split("-")[1],
  };
}

/** The log of one lane: at most ten lines in ten seconds. Disposing says what is left to say. */
export class DeadLetterLog implements Disposable {
  #lines = 0;
  #unsaid = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param hidesKey the keys are personal, and not said */
  constructor(
    readonly topic: string,
    readonly from: TopicPartition,
    readonly hidesKey = false,
  ) {}

  tell(records: readonly DeadLettered[]): void {
    for (const { record, reason } of records) {
      if (this.#lines++ < linesMax) {
        log.warn("Dead letter: {place} went to {topic}: {class}: {error}", {
          place: `${formatPartition(record)}@${record.offset}`,
          topic: this.topic,
          class: reason.errorClass,
          ...idsOf(record, this.hidesKey),
          attempts: reason.attempts,
          trips: readTrips(record.headers).count + 1,
          group: reason.groupId,
          // The text may quote the record: it must stay one line.
          error: reason.error.slice(0, errorCharsMax).replace(/[\s\p{Cc}]+/gu, " "),
        });
      } else this.#unsaid++;
    }
    this.#timer ??= setTimeout(() => this.#endWindow(), windowMs);
  }

  #endWindow(): void {
    this.#timer = undefined;
    this.#lines = 0;
    if (this.#unsaid === 0) return;
    log.warn("{unsaid} more dead letters of {from} went to {topic} in the last {seconds} s", {
      unsaid: this.#unsaid,
      from: formatPartition(this.from),
      topic: this.topic,
      seconds: windowMs / 1000,
    });
    this.#unsaid = 0;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#endWindow();
  }
}
