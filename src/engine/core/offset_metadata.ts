/** The text that is committed beside an offset: whose it is. Pure. */

/** What a committed offset says of itself. */
export interface OffsetOrigin {
  /** The topic that it counts in (KIP-516); undefined where somebody else has committed it. */
  readonly topicId?: string;
  /** What lay just below it ({@linkcode PartitionReader.mark}). */
  readonly mark?: string;
  /** The identities of the topics that hold what else must be known to go on from it. */
  readonly state?: string;
  /** The identity of the topic that holds the state of keys, and how many they are. */
  readonly changelog?: string;
}

/** Empty where the topic's identity is not known. The mark comes first: earlier releases read on from the word `topic_id`. */
export function formatOrigin({ topicId, mark, state, changelog }: OffsetOrigin): string {
  if (topicId === undefined) return "";
  const word = (name: string, value?: string) => value ? `${name}=${value} ` : "";
  const before = `${word("mark", mark)}${word("state", state)}${word("changelog", changelog)}`;
  return `${before}topic_id=${topicId}`;
}

/** Takes any text; that of another program has neither. */
export function parseOrigin(metadata: string): OffsetOrigin {
  const word = (name: string) =>
    metadata.split(" ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const [topicId, mark] = [word("topic_id"), word("mark")];
  return { topicId, mark, state: word("state"), changelog: word("changelog") };
}
