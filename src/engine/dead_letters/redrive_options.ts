/** What a redrive is asked for, and what it reports. */
import type { TopicPartition } from "../core/record.ts";
import type { DeadLetter } from "./read_dead_letter.ts";
import { type Selection } from "./select_dead_letters.ts";

/** What to redrive, and where to. */
export interface RedriveOptions extends Selection {
  /** Another topic than the one that they came from. */
  readonly to?: string;
  /** The group that they are for, or `all`; the one they failed in where absent. Other flows pass them over. */
  readonly for?: string;
  /**
   * Those that have become dead letters more often are refused, so that nothing goes round for ever. Default 10; what is named by
   * its address goes in any case.
   */
  readonly tripsMax?: number;
  /** At most so many records a second, from 1 to 1,000,000; as fast as it goes where absent. */
  readonly perSecond?: number;
  /** At most so many; all where absent. */
  readonly limit?: number;
  /** Also those that were redriven before. Only together with a selection. */
  readonly again?: boolean;
  /** Only say what would be done. */
  readonly dryRun?: boolean;
  /** Tells the lane of a parked key to pass them over. */
  readonly skip?: boolean;
  /** Records of one transaction. */
  readonly batchRecordsMax?: number;
}

/** What a redrive reports on its way. */
export interface RedriveObserver {
  /** Dead letters whose transaction has committed; with `dryRun`, those that would go. */
  redriven?(deadLetters: readonly DeadLetter[], topics: readonly string[]): void;
  /** Records of a parked key that have gone back so that the lane passes them over: they are not processed. */
  passedOver?(deadLetters: readonly DeadLetter[]): void;
  /** A dead letter that cannot go back, and why: it is not whole, or does not say where it came from. */
  refused?(deadLetter: DeadLetter, reason: string): void;
  /** Retention has removed so many offsets of this partition, below `start`, before they were redriven. */
  removed?(partition: TopicPartition, offsets: number, start: number): void;
  /** A commit whose answer was lost is being looked up. */
  doubt?(partition: TopicPartition, reason: string): void;
}
