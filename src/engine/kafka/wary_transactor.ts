/**
 * A transactor that looks, before it writes again to a partition after a pause, whether its last transaction has ended there.
 * Asks nothing in the flow of work, and nothing of a Kafka that does not forget.
 *
 * A commit that was answered can be forgotten in a partition that was without a leader (KAFKA-20734). The next transaction
 * of the id that writes there ends both: rightly where it commits, but where it is aborted, records are lost that were
 * committed. A partition is not without a leader and back within a second, so only where there was a pause one must look.
 */
import { TransactionError, type Transactor } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { transactionError } from "./error_verdict.ts";
import { forgetfulLine } from "./forgetful_line.ts";
import { describeTransaction, findOpen, offsetsTopic } from "./open_transactions.ts";
import type { VendorCluster } from "./vendor.ts";

/** Shorter than a session of a broker, after which its partitions have no leader. */
const pauseMs = 1_000;

/** `writesTo` are the topics of the id, beside those that it is seen to write to; all that can be seen where absent. */
export function waryTransactor(
  cluster: VendorCluster,
  transactor: Transactor,
  writesTo: readonly string[] | undefined,
): Transactor {
  const { transactionalId } = transactor;
  /** When each partition was last written to; those are left out that were seen to have ended since. */
  const written = new Map<string, number>();
  const topics = new Set(writesTo);
  let forgets: boolean | undefined;
  return {
    transactionalId,
    async commit(write) {
      forgets ??= await isForgetful(cluster);
      if (forgets === false) return await transactor.commit(write);
      const places = new Set(write.records.map(formatPartition));
      if (write.offsets.length > 0) places.add(offsetsTopic);
      const before = performance.now() - pauseMs;
      if ([...places].some((place) => (written.get(place) ?? Infinity) < before)) {
        await seeItEnded(cluster, transactionalId, writesTo && [...topics], written);
      }
      for (const { topic } of write.records) topics.add(topic);
      await transactor.commit(write);
      const now = performance.now();
      for (const place of places) written.set(place, now);
    },
    [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
  };
}

/** @throws {TransactionError} `unknown`, so that a new session settles what is open */
async function seeItEnded(
  cluster: VendorCluster,
  transactionalId: string,
  writesTo: readonly string[] | undefined,
  written: Map<string, number>,
): Promise<void> {
  const [state, { open, leaderless }] = await Promise.all([
    describeTransaction(cluster, transactionalId),
    findOpen(cluster, writesTo),
  ]).catch((error) => {
    throw transactionError(`Cannot look at the last transaction of ${transactionalId}`, error, {
      transactionalId,
    });
  });
  const own = open.filter(({ producerId }) => producerId === state?.producerId);
  if (own.length === 0) {
    // What has no leader could not be asked, and is asked again before it is written to.
    const unasked = new Set(leaderless.map(placeOf));
    for (const place of [...written.keys()]) if (!unasked.has(place)) written.delete(place);
    return;
  }
  throw new TransactionError(
    "unknown",
    `The last transaction of ${transactionalId} is still open in ${
      own.map(formatPartition).join(", ")
    }: nothing is written with it until that has ended`,
  );
}

/** Undefined where nobody answers now: then the commit will say so, or the next one asks. */
function isForgetful(cluster: VendorCluster): Promise<boolean | undefined> {
  return forgetfulLine(cluster).then((line) => line !== undefined, () => undefined);
}

/** All offsets of a group are in one partition: it is not asked which. */
function placeOf(place: TopicPartition): string {
  return place.topic === offsetsTopic ? offsetsTopic : formatPartition(place);
}
