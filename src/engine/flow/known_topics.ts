/** What is known of the topics that a flow writes to, for planning and for its sessions. */
import type { Delivery } from "../core/delivery.ts";
import { TransactionError } from "../core/ports.ts";
import type { TopicDirectory } from "../kafka/topic_directory.ts";

/** What has failed or was missing is looked at again before a session begins: no producer may have to be opened for it. */
export function withTopics(topics: TopicDirectory, { guarantee, open }: Delivery): Delivery {
  return {
    guarantee,
    async open(...request) {
      await topics.lookUp();
      return await open(...request);
    },
  };
}

/**
 * Partitions of a topic that a flow writes to.
 *
 * @throws {TypeError} when the flow does not name the topic, and a `TransactionError` when there is none any more
 */
export function partitionCountOf(
  topics: TopicDirectory,
  written: readonly string[],
  topic: string,
): number {
  const count = topics.partitionCount(topic);
  if (count !== undefined) return count;
  if (!written.includes(topic)) {
    throw new TypeError(`Cannot write to ${topic}: the flow does not name it in "to"`);
  }
  throw new TransactionError(
    "blocked",
    `topic "${topic}" does not exist any more: make it again; records wait until then`,
  );
}
