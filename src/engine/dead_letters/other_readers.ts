/** Finds which groups read a topic that dead letters are sent to, beside those that they are for. Changes nothing. */
import type { DeadLetterStore } from "./list_dead_letters.ts";

/** The groups of one topic, by name. */
export interface OtherReaders {
  readonly topic: string;
  readonly groups: readonly string[];
}

/**
 * Asks for each topic; only groups that this user may see are known.
 *
 * @param unknown hears why it could not be asked; the answer is null then: what was sent stays sent
 */
export async function otherReaders(
  store: DeadLetterStore,
  topics: readonly string[],
  meantFor: ReadonlySet<string>,
  unknown: (error: unknown) => void,
): Promise<readonly OtherReaders[] | null> {
  try {
    return await Promise.all(topics.map(async (topic) => {
      const groups = await store.groupsThatRead?.(topic) ?? [];
      return { topic, groups: groups.filter((group) => !meantFor.has(group)) };
    }));
  } catch (error) {
    unknown(error);
    return null;
  }
}
