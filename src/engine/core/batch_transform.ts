/** What a transform of many events at once is. Holds no code. */
import type { Emissions, TransformContext } from "./flow_settings.ts";
import type { InputRecord } from "./record.ts";

/** What a batch transform may know beside the events. */
export interface BatchContext extends Pick<TransformContext, "signal" | "once"> {
  /** The records of the events, in the same order, as they were read. */
  readonly records: readonly InputRecord[];
  /** 1 for the first try; more only where an event is alone. */
  readonly attempt: number;
}

/**
 * Many events in, their consequences out: at least one event, at most `batchRecordsMax`, in the order of one partition.
 */
export type BatchTransform<T> = (
  events: readonly T[],
  context: BatchContext,
) => Emissions | Promise<Emissions>;
