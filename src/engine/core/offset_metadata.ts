/** The text that is committed beside an offset: whose it is. Pure. */

/** What a committed offset says of itself. */
export interface OffsetOrigin {
  /** The topic that it counts in (KIP-516); undefined where somebody else has committed it. */
  readonly topicId?: string;
  /** What lay just below it ({@linkcode PartitionReader.mark}). */
  readonly mark?: string;
  /** The identities of the topics that hold what else must be known to go on from it. */
  readonly state?: string;
}

/** Empty where the topic's identity is not known. The mark comes first: earlier releases read on from the word `topic_id`. */
export function formatOrigin({ topicId, mark, state }: OffsetOrigin): string {
  if (topicId === undefined) return "";
  const word = (name: string, value?: string) => value ? `${name}=${value} ` : "";
  return `${word("mark", mark)}${word("state", state)}topic_id=${topicId}`;
}

/** Of any text: that of another program has neither. */
export function parseOrigin(metadata: string): OffsetOrigin {
  const word = (name: string) =>
    metadata.split(" ").find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  return { topicId: word("topic_id"), mark: word("mark"), state: word("state") };
}
