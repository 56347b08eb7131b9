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
 * @throws {TransactionError} when there is none any more
 */
export function partitionCountOf(topics: TopicDirectory, topic: string): number {
  const count = topics.partitionCount(topic);
  if (count !== undefined) return count;
  throw new TransactionError(
    "blocked",
    `topic "${topic}" does not exist any more: make it again; records wait until then`,
  );
}
