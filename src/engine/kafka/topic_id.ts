/** The identity that tells a topic from another one of its name (KIP-516). */
import { delay } from "../core/delay.ts";
import { deletedTopicError } from "./read_halts.ts";
import { fetchTopicMetadata, unknownTopicCode } from "./topic_metadata.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

/**
 * The topic's id in hexadecimal digits; undefined where the cluster gives its topics none (before Kafka 2.8).
 *
 * @throws the protocol's error where there is no such topic
 */
export async function fetchTopicId(
  cluster: VendorCluster,
  topic: string,
): Promise<string | undefined> {
  const found = await lookUp(cluster, topic);
  if (found.errorCode !== 0) throw createErrorFromCode()(found.errorCode);
  return found.topicId;
}

/** A broker that has just started may not have heard of a topic yet; a topic that is missing for longer was deleted. */
const missingMsMax = 5_000;
const retryMs = 250;

/**
 * The same for a topic that was there.
 *
 * @throws {HaltError} when it stays away for five seconds
 */
export async function fetchTopicIdOrHalt(
  cluster: VendorCluster,
  topic: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  for (const startedAt = performance.now();;) {
    const found = await lookUp(cluster, topic);
    if (found.errorCode === 0) return found.topicId;
    if (found.errorCode !== unknownTopicCode) throw createErrorFromCode()(found.errorCode);
    if (performance.now() - startedAt > missingMsMax) throw deletedTopicError(topic);
    await delay(retryMs, signal);
  }
}

async function lookUp(cluster: VendorCluster, topic: string) {
  if (!cluster.isConnected()) await cluster.connect();
  const broker = await cluster.brokerPool.findConnectedBroker();
  const [found] = await fetchTopicMetadata(broker, [topic]);
  if (!found) throw new RangeError("Metadata: the answer holds no topic");
  return found;
}
