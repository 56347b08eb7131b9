/** Reads a record by its topic's contract, for a projection's `decode`. It never throws for what the bytes are. */
import { PoisonError } from "../core/errors.ts";
import type { InputRecord } from "../core/record.ts";
import type { TopicContract } from "../core/topic_contract.ts";

/** The event in the record; undefined where there is none that the topic's contract takes. */
export function readEvent<T>(contract: TopicContract<T>, record: InputRecord): T | undefined {
  try {
    return contract.decode(record);
  } catch (error) {
    if (error instanceof PoisonError) return undefined;
    throw error;
  }
}
