/**
 * How a lane tells a group that has lost its offset from one that is new. Both have none: the first must halt, since it
 * would process everything again; the second starts at the start of the log.
 *
 * The first transaction of each session carries a note that this group works on this partition of this very topic. An
 * offset expires when the group was idle for long (`offsets.retention.minutes`), and goes with a topic that is deleted;
 * the note stays.
 */
import type { LanePlace } from "./ports.ts";
import type { OutputRecord } from "./record.ts";

/** What is known of a lane that has committed before. */
export interface Beginning {
  /** The identity of the topic that it worked on (KIP-516); empty where the broker did not tell. */
  readonly topicId: string;
}

/** The notes, kept where nothing expires. */
export interface Beginnings {
  /** The note of this lane; to be asked while its transactional id is held. */
  find(lane: LanePlace, signal: AbortSignal): Promise<Beginning | undefined>;
  /** The record that notes it, for the lane's own transaction. */
  note(lane: LanePlace, beginning: Beginning): OutputRecord;
}

const prefix = "topic_id=";

/** A committed offset's metadata that says which topic the offset belongs to. */
export function topicIdMetadata(topicId: string | undefined): string {
  return topicId === undefined ? "" : prefix + topicId;
}

/** The topic that a committed offset belongs to; undefined where its metadata does not say. */
export function topicIdOf(metadata: string): string | undefined {
  return metadata.startsWith(prefix) ? metadata.slice(prefix.length) : undefined;
}
