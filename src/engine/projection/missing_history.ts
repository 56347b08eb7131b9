/** Compares what tables have folded of a partition with what its log still holds. Changes nothing. */
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
  const other = await otherLog(sql, source, projection, place, topicId);
  if (other !== undefined) return other;
  // Asked last: a projector may begin a recreated topic anew meanwhile.
  const [live] = await sql`
    select replaced_offsets from projection_positions
    where projection = ${projection} and topic = ${place.topic} and partition = ${place.partition}
  `;
  const replaced = Number(live?.replaced_offsets ?? 0);
  if (replaced === 0) return undefined;
  return "is of a topic that was deleted and recreated, " +
    `so the ${replaced} offsets that were folded before that are gone`;
}

/** Why this is not the log that the tables of `label` were folded from up to their position, in words. */
export async function otherLog(
  sql: Queryable,
  source: LogSource,
  label: string,
  place: TopicPartition,
  topicId: string | undefined,
): Promise<string | undefined> {
  const [row] = await sql`
    select next_offset, topic_id, log_mark from projection_positions
    where projection = ${label} and topic = ${place.topic} and partition = ${place.partition}
  `;
  if (row === undefined) return undefined;
  const folded = Number(row.next_offset);
  if (folded === 0) return undefined;
  if (topicId !== undefined && row.topic_id !== null && row.topic_id !== topicId) {
    return `is of a topic that was deleted and recreated (it was ${row.topic_id}, it is ${topicId}), ` +
      `so the ${folded} offsets that were folded are gone`;
  }
  const end = await endFrom(source, place, folded);
  if (end < folded) return `ends at offset ${end}, and was folded up to ${folded}`;
  const divergence = row.log_mark === null
    ? undefined
    : await source.divergence?.(place, String(row.log_mark));
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
