/** Reads one dead letter by its address. Reads only. */
import { type DeadLetterAddress, formatAddress } from "./dead_letter_address.ts";
import {
  deadLetterPartitions,
  type DeadLetterStore,
  type ListedDeadLetter,
} from "./list_dead_letters.ts";
import { readDeadLetter } from "./read_dead_letter.ts";
import { readRange } from "../core/read_range.ts";
import { isRedriven, readRedriveState, type Redrive, redriveOf } from "./redrive_state.ts";

/** A dead letter with all that is known of it. */
export interface FoundDeadLetter extends ListedDeadLetter {
  /** How it was redriven by itself, if it was. */
  readonly redrive: Redrive | undefined;
}

/**
 * The dead letter at that address.
 *
 * @throws {RangeError} when there is none: it was deleted, is not committed yet, or never was
 */
export async function findDeadLetter(
  store: DeadLetterStore,
  address: DeadLetterAddress,
  signal?: AbortSignal,
): Promise<FoundDeadLetter> {
  const { log, topic } = store;
  const { partition, offset } = address;
  const place = (await deadLetterPartitions(store))[partition];
  const name = `Dead letter ${formatAddress(address)} of ${topic}`;
  if (!place) throw new RangeError(`${name} does not exist: there is no such partition`);
  const { start, end } = await log.range(place);
  if (offset < start) {
    throw new RangeError(
      `${name} was deleted by the topic's retention: its log starts at ${start}`,
    );
  }
  if (offset >= end) {
    throw new RangeError(`${name} does not exist (yet): committed records end at ${end}`);
  }
  const committed = await log.committedOffset(log.names.redrive, place);
  const state = await readRedriveState(log, place, committed, { signal });
  for await (const [record] of readRange(log, { ...place, from: offset, to: offset + 1 }, signal)) {
    if (record?.offset !== offset) continue;
    return {
      ...readDeadLetter(record),
      redriven: isRedriven(state, record),
      redrive: redriveOf(state, record),
    };
  }
  throw new RangeError(
    `${name} does not exist: that offset holds the marker of a transaction, or an aborted record`,
  );
}
