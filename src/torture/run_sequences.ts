/** Runs the torture's own flow as a member of its group, as the worker runs invoicing. */
import type { Runtime } from "../compose/open_runtime.ts";
import type { Guarantee } from "../config.ts";
import { atLeastOnce, atMostOnce, type Delivery, exactlyOnce } from "../core/delivery.ts";
import { type LaneObserver, runLane } from "../core/lane.ts";
import { fetcherDefaults } from "../kafka/fetcher.ts";
import { runMembership } from "../kafka/membership.ts";
import { openPlainProducer } from "../kafka/plain_producer.ts";
import { createTransactions } from "../kafka/transactions.ts";
import { sequenceFlow } from "./sequence_flow.ts";

/** Runs until the signal fires. */
export async function runSequences(
  { config, client, partitions }: Runtime,
  guarantee: Guarantee,
  observer: LaneObserver,
  signal: AbortSignal,
): Promise<void> {
  const batchBytesMax = config.REQUEST_BYTES_MAX;
  await using transactions = createTransactions(client, {
    transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
    batchBytesMax,
  });
  const openProducer = () => openPlainProducer(client, { batchBytesMax });
  const deliveries: Record<Guarantee, () => Delivery> = {
    "exactly-once": () => exactlyOnce(transactions),
    "at-least-once": () => atLeastOnce(openProducer),
    "at-most-once": () => atMostOnce(openProducer),
  };
  const delivery = deliveries[guarantee]();
  const flow = sequenceFlow();
  const target = {
    partitionCount: (topic: string) => partitions.get(topic) ?? 1,
    recordBytesMax: batchBytesMax,
    planMsMax: config.BATCH_PLAN_MS_MAX,
  };
  const bounds = {
    recordsMax: config.BATCH_RECORDS_MAX,
    bytesMax: config.BATCH_BYTES_MAX,
    dependencyBackoffMsMax: config.DEPENDENCY_BACKOFF_MS_MAX,
  };
  await runMembership(client, {
    groupId: flow.groupId,
    topics: [flow.from.name],
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    bufferBytesMax: 2 * config.BATCH_BYTES_MAX,
    fetch: fetcherDefaults,
    lane: (assignment) => runLane(flow, assignment, delivery, target, bounds, observer),
  }, signal);
}
