/** The core's `Transactions` on Kafka: opens transactors, and reads what their transactions left behind. */
import { AnsweredCommits } from "./answered_commits.ts";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import { TransactionError, type Transactions, type Transactor } from "../core/ports.ts";
import { formatPartition } from "../core/record.ts";
import { named, transactionError } from "./error_verdict.ts";
import { asKafkaDownAtOpening } from "./kafka_down.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { findOpen } from "./open_transactions.ts";
import { type SettleOptions, settleTransaction, type Unasked } from "./settle_transaction.ts";
import { settleUnstable } from "./settle_unstable.ts";
import { fetchStableOffset } from "./stable_offset.ts";
import { shutOut } from "./shut_out.ts";
import { openTransactor, type TransactorOptions } from "./transactor.ts";
import type { VendorCluster } from "./vendor.ts";
import { waryTransactor } from "./wary_transactor.ts";

/** Topics that no setting names. */
export interface NamedTopics {
  /** Asked before each session, and added to `writesTo`; what this throws stops the session before it has begun. */
  readonly alsoWritesTo?: () => Promise<readonly string[]>;
}

const reopenMs = 200;
/** After so long the caller is told that it cannot be opened, and may say so before it tries again. */
const openMsMax = 5_000;

/** Disposing closes the connection that offsets are read over; transactors are disposed of by their owners. */
export function createTransactions(
  client: KafkaClient,
  given: TransactorOptions & SettleOptions & NamedTopics,
): Transactions & AsyncDisposable {
  const cluster = client.cluster();
  const commits = new AnsweredCommits();
  const options: TransactorOptions & SettleOptions = {
    ...given,
    onCommitted: (transaction) => commits.add(transaction),
    sawCommitted: (part) => commits.has(part),
  };
  const { writesTo: configured, alsoWritesTo } = given;
  const writesTo = async () =>
    configured && alsoWritesTo
      ? [...new Set([...configured, ...await alsoWritesTo()])]
      : configured;
  return {
    async open(transactionalId, signal) {
      const startedAt = performance.now();
      while (true) {
        signal?.throwIfAborted();
        try {
          await options.topics?.lookUp();
          // Before InitProducerId: after it nobody can say any more how the last transaction ended.
          const topics = await writesTo();
          const settling = { ...options, writesTo: topics };
          const unasked = await settle(cluster, transactionalId, settling, client.user, signal);
          const opened = await openTransactor(client, transactionalId, options);
          const transactor = waryTransactor(cluster, opened, topics);
          return unasked.places.length === 0 ? transactor : guarded(cluster, transactor, unasked);
        } catch (error) {
          if (error instanceof HaltError) throw error;
          // Fenced while opening, or the coordinator is out of reach: nothing was begun, so trying again is safe.
          const passes = !(error instanceof TransactionError) || error.verdict === "unknown" ||
            error.verdict === "migrated";
          if (!passes || signal?.aborted) throw error;
          if (performance.now() - startedAt > openMsMax) throw asKafkaDownAtOpening(error);
          await delay(reopenMs, signal);
        }
      }
    },
    async shutOut(transactionalId, signal) {
      const action = `Cannot end what was left open under ${transactionalId}`;
      await named(
        action,
        { transactionalId, user: client.user },
        () => shutOut(cluster, transactionalId, options, signal),
      );
    },
    stableOffset: (groupId, partition, signal) => {
      const topics = [partition.topic];
      // Whoever left it behind, it is this lane that waits.
      const own = `${groupId}/${partition.topic}/${partition.partition}`;
      const onNews: SettleOptions["onNews"] = (_id, news) => options.onNews?.(own, news);
      const onUnstable = async () => {
        const settling = { ...options, onNews, writesTo: await writesTo() };
        await settleUnstable(cluster, groupId, settling, signal);
      };
      return named(
        `Cannot read the offset of ${groupId} on ${formatPartition(partition)}`,
        { groupId, topics, needs: ["Read"], user: client.user },
        () => fetchStableOffset(cluster, groupId, partition, signal, onUnstable),
      );
    },
    [Symbol.asyncDispose]: () => cluster.disconnect(),
  };
}

async function settle(
  cluster: VendorCluster,
  transactionalId: string,
  options: SettleOptions,
  user: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Unasked> {
  try {
    return await settleTransaction(cluster, transactionalId, options, signal);
  } catch (error) {
    if (signal?.aborted || error instanceof HaltError) throw error;
    const action = `Cannot look at the last transaction of ${transactionalId}`;
    throw transactionError(action, error, { transactionalId, user });
  }
}

/**
 * A partition that had no leader could not be asked. Before the first write to such a one it is asked: one that holds a
 * transaction open must not be joined to another, which might end it otherwise than it ended.
 */
function guarded(
  cluster: VendorCluster,
  transactor: Transactor,
  { places: unasked, producerId }: Unasked,
): Transactor {
  const waiting = new Map(unasked.map((place) => [formatPartition(place), place]));
  return {
    transactionalId: transactor.transactionalId,
    async commit(write) {
      const written = new Set(write.records.map(formatPartition));
      const places = [...waiting].filter(([name]) => written.has(name));
      if (places.length > 0) {
        const topics = [...new Set(places.map(([, { topic }]) => topic))];
        const { open, leaderless } = await findOpen(cluster, topics);
        const names = new Set(places.map(([name]) => name));
        // Others may write there all the time: theirs is no reason to wait.
        const own = open.filter((part) => part.producerId === producerId);
        const unsettled = [...own, ...leaderless].filter((place) =>
          names.has(formatPartition(place))
        );
        if (unsettled.length > 0) {
          throw new TransactionError(
            "unknown",
            `Cannot write with ${transactor.transactionalId}: nobody can say yet whether its last ` +
              `transaction has ended in ${unsettled.map(formatPartition).join(", ")}`,
            { begun: false },
          );
        }
        for (const name of names) waiting.delete(name);
      }
      await transactor.commit(write);
    },
    [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
  };
}
