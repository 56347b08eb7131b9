/** What a topic must be, for whoever makes or checks it. */

/** A topic that must be there. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** -1 for three, or as many as there are brokers: kafkajs cannot ask for the cluster's own default. */
  readonly replicationFactor: number;
  /** Topic configuration, such as `{ "cleanup.policy": "compact" }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** What it is used for: one that is there already is checked for that. */
  readonly uses?: readonly TopicUse[];
  /** What must be allowed on it, such as `Write`: named where not even a look at it is. */
  readonly needs?: readonly string[];
  /** The largest record that is to be written to it, bytes. */
  readonly recordBytesMax?: number;
}

/**
 * What a topic is used for:
 * - `input`: read by a flow that may be behind;
 * - `history`: read from its beginning by `projection rebuild`;
 * - `output`: written to, whoever reads it;
 * - `dead-letters`: kept for a person to look at;
 * - `state`: the last record of each key counts, however old;
 * - `cursor`: holds no records, a group's offsets on its partitions count.
 */
export type TopicUse = "input" | "history" | "output" | "dead-letters" | "state" | "cursor";
