/** A worker of a flow on the tests' broker, made of the engine's parts, any of which a test may hold up or swap for a wrong one. */
import type { Committer, CommitterOwner } from "../../src/engine/core/committer.ts";
import { exactlyOnce } from "../../src/engine/core/delivery.ts";
import type { Flow } from "../../src/engine/core/flow.ts";
import { GroupCommitter } from "../../src/engine/core/group_committer.ts";
import { runLane } from "../../src/engine/core/lane.ts";
import type { LaneObserver } from "../../src/engine/core/lane_observer.ts";
import type { Transactions } from "../../src/engine/core/ports.ts";
import type { TopicPartition } from "../../src/engine/core/record.ts";
import { fetcherDefaults } from "../../src/engine/kafka/fetcher_options.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { runMembership } from "../../src/engine/kafka/membership.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import type { TransactorOptions } from "../../src/engine/kafka/transactor.ts";

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
    ...{
      groupId: flow.groupId,
      topics: flow.inputs.map(({ name }) => name),
      sessionTimeoutMs,
      onAssigned,
      committer,
    },
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
