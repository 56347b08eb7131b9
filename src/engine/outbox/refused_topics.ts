/** Topics that exist and whose records the broker refuses: their rows are held back, and now and then it is tried. */
import { doubtsMax } from "../core/may_reopen.ts";
import { TransactionError } from "../core/ports.ts";
import type { OutboxRow } from "./outbox_row.ts";
import type { Obstacle } from "./holds.ts";

/** What was said of one topic, and from when on it is tried again, by the relay's clock. */
export interface Refusal {
  readonly reason: string;
  readonly times: number;
  readonly retryAt: number;
}

/** The transaction was refused for one topic. The next session writes the rest without it, at once. */
export class TopicRefusedError extends Error {
  override name = "TopicRefusedError";

  constructor(readonly topic: string, reason: string, options: ErrorOptions) {
    super(reason, options);
  }
}

const retryMs = 1_000;
/** Each try costs a session, and so all other rows of the shard some milliseconds. */
const retryMsMax = 4_000;

/**
 * Notes that the broker took nothing because of one topic of these rows, where it did; undefined for every other error. A
 * refusal of a kind that passes by itself (the right time is learned from it) counts when it lasts.
 */
export function asRefusal(
  error: unknown,
  rows: readonly Pick<OutboxRow, "topic">[],
  { refused, failures }: { refused: Map<string, Refusal>; failures: number },
  now: number,
): TopicRefusedError | undefined {
  if (!(error instanceof TransactionError) || error.topic === undefined) return undefined;
  const { topic, message, cause } = error;
  if (!rows.some((row) => row.topic === topic)) return undefined;
  const before = refused.get(topic);
  if (before === undefined && error.verdict === "unknown" && failures < doubtsMax) return undefined;
  const times = (before?.times ?? 0) + 1;
  const reason = `${message}; rows for topic "${topic}" wait, and are published by themselves ` +
    `when it takes them; rows of other topics go on once the transaction that was refused has ended`;
  refused.set(topic, {
    reason,
    times,
    retryAt: now + Math.min(retryMsMax, retryMs * 2 ** (times - 1)),
  });
  return new TopicRefusedError(topic, reason, { cause });
}

/** What stands in the way of this topic's rows until it is time to try again. */
export function whyRefused(
  topic: string,
  refused: ReadonlyMap<string, Refusal>,
  now: number,
): Obstacle | undefined {
  const refusal = refused.get(topic);
  if (!refusal || now >= refusal.retryAt) return undefined;
  return { wholeTopic: true, reason: refusal.reason };
}

/** Whether Kafka allows a topic of this name. */
export function isTopicName(name: string): boolean {
  return /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/.test(name);
}

/** What to say of rows for another. */
export function noName(topic: string): string {
  const quoted = topic.replaceAll("'", "''");
  return `Kafka allows no topic of the name "${topic}", and the outbox has rows for it: append them anew ` +
    `for another topic, and delete these (delete from outbox where topic = '${quoted}'); rows of other topics go on`;
}
