/** A worker of a flow on the tests' broker, made of the engine's parts, any of which a test may hold up or swap for a wrong one. */
import type { Committer, CommitterOwner } from "../../src/core/committer.ts";
import { exactlyOnce } from "../../src/core/delivery.ts";
import type { Flow } from "../../src/core/flow.ts";
import { GroupCommitter } from "../../src/core/group_committer.ts";
import { runLane } from "../../src/core/lane.ts";
import type { LaneObserver } from "../../src/core/lane_observer.ts";
import type { Transactions } from "../../src/core/ports.ts";
import type { TopicPartition } from "../../src/core/record.ts";
import { fetcherDefaults } from "../../src/kafka/fetcher.ts";
import type { KafkaClient } from "../../src/kafka/kafka_client.ts";
import { runMembership } from "../../src/kafka/membership.ts";
import { createTransactions } from "../../src/kafka/transactions.ts";
import type { TransactorOptions } from "../../src/kafka/transactor.ts";

/** Each is the engine's own unless a test brings another. */
export interface WorkerParts {
  readonly transactions?: (engine: Transactions) => Transactions;
  readonly committer?: (engine: GroupCommitter) => Committer & CommitterOwner;
  readonly onStep?: TransactorOptions["onStep"];
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
  readonly observer?: LaneObserver;
  readonly sessionTimeoutMs?: number;
}

/** Longer than any test: nobody's transaction is to be ended by the broker. */
const transactionTimeoutMs = 120_000;

/** Runs until the signal fires. One partition of output for each of input. */
export async function runGroupWorker<T>(
  client: KafkaClient,
  flow: Flow<T>,
  signal: AbortSignal,
  parts: WorkerParts = {},
): Promise<void> {
  const { onStep, observer, onAssigned, sessionTimeoutMs = 10_000 } = parts;
  await using engine = createTransactions(client, { transactionTimeoutMs, onStep });
  const transactions = parts.transactions?.(engine) ?? engine;
  await using group = new GroupCommitter(flow.groupId, transactions, {
    ...{ recordsMax: 1_000, bytesMax: 1_000_000 },
  });
  const committer = parts.committer?.(group) ?? group;
  const delivery = exactlyOnce(committer);
  await runMembership(client, {
    ...{ groupId: flow.groupId, topics: [flow.from.name], sessionTimeoutMs, onAssigned, committer },
    ...{ bufferBytesMax: 1_000_000, fetch: fetcherDefaults },
    lane: (assignment) =>
      runLane(
        flow,
        assignment,
        delivery,
        { partitionCount: () => 2, recordBytesMax: 100_000, planMsMax: 5_000 },
        { recordsMax: 100, bytesMax: 1_000_000, dependencyBackoffMsMax: 1_000 },
        observer,
      ),
  }, signal);
}
