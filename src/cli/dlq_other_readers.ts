/** Words about the groups that read a topic beside those that its dead letters are for. */
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import type { OtherReaders } from "../engine/dead_letters/other_readers.ts";
import { messageOf } from "./message_of.ts";
import { progress } from "./progress.ts";

/** Says why nobody knows which groups read what was sent. */
export function tellUnknown(topics: readonly string[]): (error: unknown) => void {
  return (error) =>
    progress(wrapped(
      `Which other groups read ${topics.join(", ")} could not be asked: ${messageOf(error)}`,
    ));
}

/** A sentence for each topic that others read; empty where none do. */
export function otherReadersText(found: readonly OtherReaders[]): string {
  return found.filter(({ groups }) => groups.length > 0).map(({ topic, groups }) =>
    wrapped(
      `Other groups that read ${topic}: ${
        namesOf(groups)
      }. Flows of onceflow pass over what is for ` +
        "another group; any other consumer sees these records again.",
    )
  ).join("\n");
}

const namesMax = 10;

function namesOf(groups: readonly string[]): string {
  const more = groups.length - namesMax;
  return groups.slice(0, namesMax).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
