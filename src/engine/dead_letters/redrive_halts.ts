/** What ends the redrive of a partition, in words for an operator. Pure. */
import { HaltError } from "../core/errors.ts";
import { decideWhereToGoOn } from "../core/offset_advice.ts";
import type { Names } from "../core/names.ts";
import { parseOrigin } from "../core/offset_metadata.ts";
import { type CommittedOffset, TransactionError } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { RedriveState } from "./redrive_state.ts";

/** @throws {HaltError} where the group stands beyond the end of the log */
export function checkWithinLog(
  { redrive: groupId }: Names,
  { next }: RedriveState,
  place: TopicPartition,
  end: number,
): void {
  if (next <= end) return;
  throw new HaltError(
    `Cannot redrive ${formatPartition(place)}: group ${groupId} stands at offset ${next}, ` +
      `beyond the end of the log at ${end}: the log was replaced. ` +
      decideWhereToGoOn({ groupId, ...place }),
  );
}

/** @throws {HaltError} where the offset belongs to other notes than there are now */
export function checkState(
  { redrive: groupId, redriven }: Names,
  { metadata }: CommittedOffset,
  place: TopicPartition,
  stateId?: string,
): void {
  const { state } = parseOrigin(metadata);
  if (state === undefined || stateId === undefined || state === stateId) return;
  throw new HaltError(
    `Cannot redrive ${
      formatPartition(place)
    }: topic ${redriven}, which says what was redriven one ` +
      `by one, was deleted and recreated, so dead letters at or above the group's offset may go a ` +
      `second time. ${decideWhereToGoOn({ groupId, ...place })}`,
  );
}

/** Why an error ends the redrive of a partition; undefined where another session may go on. */
export function haltReason(error: unknown, place: TopicPartition): string | undefined {
  if (!(error instanceof TransactionError) || error.verdict === "unknown") return undefined;
  if (error.verdict === "migrated") {
    return `Stopped redriving ${formatPartition(place)}: another redrive has taken it over. ` +
      `What was redriven so far counts for both`;
  }
  return `Cannot redrive ${formatPartition(place)}: ${error.message}`;
}
