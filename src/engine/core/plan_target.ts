/** What planning asks about the topics that are written to. */

/** Times of records, milliseconds since the epoch. */
export interface TimestampRange {
  readonly msMin: number;
  readonly msMax: number;
}

/** What is known of the topics that are written to. */
export interface PlanTarget {
  readonly partitionCount: (topic: string) => number;
  /** An output over this is not sent; its input becomes a dead letter. */
  readonly recordBytesMax: number;
  /** What a topic itself takes, its `max.message.bytes`; undefined where it is not known. Dead letters must fit, too. */
  readonly topicBytesMax?: (topic: string) => number | undefined;
  /** The times that a topic takes now; undefined where it takes all. An output of another time is not sent. */
  readonly timestamps?: (topic: string) => TimestampRange | undefined;
  /** A topic that is compacted takes no record without a key: such an output is not sent. */
  readonly isCompacted?: (topic: string) => boolean;
  /** No record is begun after this long; the rest waits for the next transaction. */
  readonly planMsMax: number;
}
