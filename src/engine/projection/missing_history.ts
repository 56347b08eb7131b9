/** Compares what the live tables have folded of a partition with what its log still holds. Changes nothing. */
import { delay } from "../core/delay.ts";
import type { LogRange } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import type { Queryable } from "../postgres/sql.ts";
import type { LogSource } from "./log_source.ts";

/** Just after a leader change the end can seem to lie back. */
const looksMax = 5;
const lookAgainMs = 200;

/**
 * What a replay of the log would lack that the live tables hold, in words; undefined where nothing is known to be missing.
 *
 * @param topicId the topic's identity in the cluster (KIP-516), where it is known
 */
export async function missingHistory(
  sql: Queryable,
  source: LogSource,
  projection: string,
  place: TopicPartition,
  { start }: LogRange,
  topicId: string | undefined,
): Promise<string | undefined> {
  if (start > 0) return `starts at offset ${start}, what was before it is deleted`;
  const [live] = await sql`
    select next_offset, topic_id, log_mark from projection_positions
    where projection = ${projection} and topic = ${place.topic} and partition = ${place.partition}
  `;
  if (live === undefined) return undefined;
  const folded = Number(live.next_offset);
  if (folded === 0) return undefined;
  if (topicId !== undefined && live.topic_id !== null && live.topic_id !== topicId) {
    return `is of a topic that was deleted and recreated (it was ${live.topic_id}, it is ${topicId}), ` +
      `so the ${folded} offsets that were folded are gone`;
  }
  const end = await endFrom(source, place, folded);
  if (end < folded) return `ends at offset ${end}, and was folded up to ${folded}`;
  const divergence = live.log_mark === null
    ? undefined
    : await source.divergence?.(place, String(live.log_mark));
  return divergence && `is not the log that was folded (${divergence})`;
}

/** The end of the log, read after the live position; looked at again while it lies below that. */
async function endFrom(source: LogSource, place: TopicPartition, folded: number): Promise<number> {
  for (let look = 1;; look++) {
    const { end } = await source.range(place);
    if (end >= folded || look === looksMax) return end;
    await delay(lookAgainMs);
  }
}
