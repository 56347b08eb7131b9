/** What a person types after a halt that only a person can end: words, and no decision. */
import type { LanePlace } from "./ports.ts";

/** A lane, or a partition of which the reader does not know for whom it reads. */
type AdvisedPlace = Omit<LanePlace, "groupId"> & Partial<Pick<LanePlace, "groupId">>;

/** To be put behind the reason of a halt. */
export function decideWhereToGoOn(place: AdvisedPlace): string {
  return `Decide where to go on: ${howToSetOffset(place)}`;
}

/** The commands that show a group's offsets and set one; with the topic, since Kafka deletes its offsets with it. */
export function howToSetOffset({ groupId, topic, partition }: AdvisedPlace, to = "OFFSET"): string {
  const group = groupId === undefined ? "" : ` --group ${shellWord(groupId)}`;
  return `stop the workers, look with "deno task worker offsets show${group} --topic ${topic}", then ` +
    `"deno task worker offsets set${group} --topic ${topic} --partition ${partition} --to ${to}"` +
    (groupId === undefined ? " (both with --group, for a flow of your own)" : "");
}

/** A group may be named with spaces or quotes; what is typed must be one word. */
function shellWord(text: string): string {
  return /^[\w.:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
