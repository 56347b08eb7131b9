/** Says which groups read a topic that dead letters are sent to, beside those that they are for. Changes nothing. */
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import type { DeadLetterStore } from "../engine/dead_letters/list_dead_letters.ts";
import { messageOf } from "./message_of.ts";
import { progress } from "./progress.ts";

/** The groups of one topic, by name. */
export interface OtherReaders {
  readonly topic: string;
  readonly groups: readonly string[];
}

/** Asks for each topic. What cannot be asked is said, and is null: what was sent stays sent. */
export async function otherReaders(
  store: DeadLetterStore,
  topics: readonly string[],
  meantFor: ReadonlySet<string>,
): Promise<readonly OtherReaders[] | null> {
  try {
    return await Promise.all(topics.map(async (topic) => {
      const groups = await store.groupsThatRead?.(topic) ?? [];
      return { topic, groups: groups.filter((group) => !meantFor.has(group)) };
    }));
  } catch (error) {
    progress(wrapped(
      `Which other groups read ${topics.join(", ")} could not be asked: ${messageOf(error)}`,
    ));
    return null;
  }
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
