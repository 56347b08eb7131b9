/**
 * OffsetFetch version 7 with `require_stable` (KIP-447), over kafkajs's own connection so that TLS and SASL hold.
 *
 * kafkajs speaks version 4 at most, which can return the offset before a transaction that has committed already and
 * whose marker is still on its way (KAFKA-17507): its records would be processed twice.
 */
import { delay } from "../core/delay.ts";
import type { CommittedOffset } from "../core/ports.ts";
import type { TopicPartition } from "../core/record.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { offsetFetch } from "./offset_fetch.ts";
import { createErrorFromCode, type VendorBroker, type VendorCluster } from "./vendor.ts";

const pollMs = 5;
const reconnectMs = 100;
/** Markers take milliseconds; after this long somebody should find out what stands in their way. */
const lookMs = 2_000;
const waitMsMax = 120_000;
/** A coordinator that cannot be found or reached for so long is the caller's to say. */
const unreachedMsMax = 5_000;

/** Errors after which another coordinator, or the same one a little later, will answer. */
const transient = new Set([
  "NOT_COORDINATOR_FOR_GROUP",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
  "UNSTABLE_OFFSET_COMMIT",
  "REQUEST_TIMED_OUT",
]);

/**
 * The group's offset for one partition once no transaction is pending on it.
 *
 * `onUnstable` is called every two seconds for as long as it stays unstable; what it throws is thrown here.
 * Waits at most two minutes for a transaction (its timeout is shorter) and some seconds for a coordinator; rejects with
 * the signal's reason when that fires.
 */
export async function fetchStableOffset(
  cluster: VendorCluster,
  groupId: string,
  partition: TopicPartition,
  signal?: AbortSignal,
  onUnstable: () => Promise<void> = () => Promise.resolve(),
): Promise<CommittedOffset> {
  const startedAt = performance.now();
  let lookAt = startedAt + lookMs;
  while (true) {
    signal?.throwIfAborted();
    try {
      if (!cluster.isConnected()) await cluster.connect();
      await cluster.refreshMetadataIfNecessary();
      const coordinator = await cluster.findGroupCoordinator({ groupId, coordinatorType: 0 });
      return await stableFetch(coordinator, groupId, partition);
    } catch (error) {
      const type = protocolErrorType(error);
      const msMax = type === "UNSTABLE_OFFSET_COMMIT" ? waitMsMax : unreachedMsMax;
      const isOver = performance.now() - startedAt > msMax;
      if (isOver || (type !== undefined && !transient.has(type))) throw error;
      if (type === "UNSTABLE_OFFSET_COMMIT" && performance.now() > lookAt) {
        await onUnstable();
        lookAt = performance.now() + lookMs;
      }
      await delay(type === "UNSTABLE_OFFSET_COMMIT" ? pollMs : reconnectMs, signal);
    }
  }
}

async function stableFetch(
  coordinator: VendorBroker,
  groupId: string,
  partition: TopicPartition,
): Promise<CommittedOffset> {
  const [found] = await coordinator.connectionPool.send(offsetFetch(groupId, partition, true));
  if (!found) throw new RangeError("OffsetFetch: the answer holds no partition");
  if (found.errorCode !== 0) throw createErrorFromCode()(found.errorCode);
  return { offset: found.offset, metadata: found.metadata };
}
