/**
 * A transactor that looks, before it writes again after a pause, whether its last transaction has ended everywhere. Asks
 * nothing in the flow of work, and nothing of a Kafka that does not forget.
 *
 * A commit that was answered can be forgotten in a partition that was without a leader (KAFKA-20734). The next transaction
 * of the id ends both there: rightly where it commits, but where it is aborted, records are lost that were committed. A
 * partition is not without a leader and back within a second, so only who has paused must look.
 */
import { TransactionError, type Transactor } from "../core/ports.ts";
import { formatPartition } from "../core/record.ts";
import { transactionError } from "./error_verdict.ts";
import { forgetfulLine } from "./forgetful_line.ts";
import { describeTransaction, findOpen } from "./open_transactions.ts";
import type { VendorCluster } from "./vendor.ts";

/** Shorter than a session of a broker, after which its partitions have no leader. */
const pauseMs = 1_000;

/** `writesTo` are the topics of the id; all that can be seen where absent. */
export function waryTransactor(
  cluster: VendorCluster,
  transactor: Transactor,
  writesTo: readonly string[] | undefined,
): Transactor {
  const { transactionalId } = transactor;
  // What lay before this session was settled when it was opened.
  let committedAt = Infinity;
  let forgets: boolean | undefined;
  return {
    transactionalId,
    async commit(write) {
      if (performance.now() - committedAt > pauseMs) {
        forgets ??= await isForgetful(cluster);
        if (forgets) await seeItEnded(cluster, transactionalId, writesTo);
      }
      await transactor.commit(write);
      committedAt = performance.now();
    },
    [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
  };
}

/** @throws {TransactionError} `unknown`, so that a new session settles what is open */
async function seeItEnded(
  cluster: VendorCluster,
  transactionalId: string,
  writesTo: readonly string[] | undefined,
): Promise<void> {
  const [state, { open }] = await Promise.all([
    describeTransaction(cluster, transactionalId),
    findOpen(cluster, writesTo),
  ]).catch((error) => {
    throw transactionError(`Cannot look at the last transaction of ${transactionalId}`, error, {
      transactionalId,
    });
  });
  const own = open.filter(({ producerId }) => producerId === state?.producerId);
  if (own.length === 0) return;
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
