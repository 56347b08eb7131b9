/** Looks whether a log is still the one that was read: by the history of its leaders' epochs, and by the very batch. */
import { delay } from "../core/delay.ts";
import type { TopicPartition } from "../core/record.ts";
import { epochEnd } from "./epoch_end.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { fetchRequest } from "./fetch_request.ts";
import { isMarked, type LogMark } from "./log_mark.ts";
import { fetchTopicMetadata } from "./topic_metadata.ts";
import { createErrorFromCode, type VendorBroker, type VendorCluster } from "./vendor.ts";

const attemptsMax = 50;
const retryMs = 100;
const refusals = new Set(["TOPIC_AUTHORIZATION_FAILED", "UNSUPPORTED_VERSION"]);

/**
 * What is wrong with the log at the mark, in words; undefined where it is the one that was read, or where what was read
 * is not there any more (deleted by age, compacted away), so that nothing can be said.
 */
export async function findDivergence(
  cluster: VendorCluster,
  { readId, ...place }: TopicPartition & { readonly readId?: string },
  mark: LogMark,
  signal?: AbortSignal,
): Promise<string | undefined> {
  for (let attempt = 1;; attempt++) {
    try {
      const { leader, topicId } = await leaderOf(cluster, place);
      // Another topic has this name now: that is for the fetch to say.
      if (readId !== undefined && topicId !== readId) return undefined;
      return await byEpochs(leader, place, mark) ??
        (topicId && await byBatch(leader, { ...place, topicId }, mark));
    } catch (error) {
      if (attempt >= attemptsMax || refusals.has(protocolErrorType(error) ?? "")) throw error;
      await delay(retryMs, signal);
      await cluster.refreshMetadata().catch(() => {});
    }
  }
}

async function leaderOf(cluster: VendorCluster, { topic, partition }: TopicPartition) {
  if (!cluster.isConnected()) await cluster.connect();
  const [found] = await fetchTopicMetadata(await cluster.brokerPool.findConnectedBroker(), [topic]);
  if (found?.errorCode) throw createErrorFromCode()(found.errorCode);
  const nodeId = found?.partitions.find((one) => one.partition === partition)?.leader ?? -1;
  if (nodeId < 0) throw new Error(`${topic}-${partition}: no leader`);
  return { leader: await cluster.findBroker({ nodeId }), topicId: found?.topicId };
}

async function byEpochs(
  leader: VendorBroker,
  place: TopicPartition,
  mark: LogMark,
): Promise<string | undefined> {
  if (mark.leaderEpoch < 0) return undefined;
  const { epoch, endOffset } = await leader.connectionPool.send(epochEnd(place, mark.leaderEpoch));
  if (epoch === mark.leaderEpoch && endOffset > mark.lastOffset) return undefined;
  return `what was read up to offset ${mark.lastOffset} came from leader epoch ` +
    `${mark.leaderEpoch}, which in this log ends at ${Math.max(0, endOffset)}`;
}

async function byBatch(
  leader: VendorBroker,
  place: TopicPartition & { readonly topicId: string },
  mark: LogMark,
): Promise<string | undefined> {
  const target = { ...place, offset: mark.lastOffset, leaderEpoch: -1, lastFetchedEpoch: -1 };
  // A broker sends the first batch whole, however small the limit.
  const bounds = { waitMsMax: 0, bytesMax: 1, partitionBytesMax: 1, isolationLevel: 0 } as const;
  const answer = await leader.connectionPool.send(fetchRequest([target], bounds));
  const [batch] = answer.partitions[0]?.batches ?? [];
  const isThere = batch && batch.baseOffset <= mark.lastOffset;
  if (!isThere || isMarked(mark, batch)) return undefined;
  return `the batch at offset ${mark.lastOffset} is another one than was read`;
}
