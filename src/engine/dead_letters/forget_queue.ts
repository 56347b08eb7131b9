/** Gives the queue of a parked key up without sending anything. Takes the lane's transactional id away for it. */
import type { DeadLetterStore } from "./list_dead_letters.ts";
import { listParkedKeys } from "./load_parked_keys.ts";
import { RefusedError } from "../core/refused_error.ts";
import { parkedEntry, type ParkedKey } from "./parked_entry.ts";

/**
 * Gives a queue up: the key is free at once, and what is left of the queue stays among the dead letters as any other. Its
 * order towards later records of the key is lost.
 *
 * It takes the transactional id away from whoever owns the lane, since only then no older state of the lane can be written
 * over it: all lanes of that worker are fenced, ask the group and start new sessions, and this one finds the key free.
 *
 * @returns false when the key was free already
 */
export async function forgetQueue(
  { transactions, log, transactionalIdsOf }: DeadLetterStore,
  parked: ParkedKey,
  signal?: AbortSignal,
): Promise<boolean> {
  const { key, queue } = parked;
  for (let attempt = 1;; attempt++) {
    const ids = await transactionalIdsOf(parked, signal);
    const [first = "", ...others] = ids;
    await using transactor = await transactions.open(first, signal);
    const isParked = async () => {
      const queues = await listParkedKeys(log, { toHighWatermark: true, signal });
      return queues.some((candidate) => candidate.queue === queue);
    };
    if (!await isParked()) return attempt > 1;
    await transactor.commit({
      records: [parkedEntry(log.names, parked, key, undefined)],
      offsets: [],
    });
    // A worker whose first id cannot be used has another; whoever has read the queue before this may write it again.
    for (const id of others) await transactions.shutOut(id, signal);
    // Where the partition has moved meanwhile, its new owner may have read it, too.
    const now = await transactionalIdsOf(parked, signal);
    if (now.join() === ids.join() && (others.length === 0 || !await isParked())) return true;
    if (attempt >= ownersMax) {
      throw new RefusedError(
        "Cannot free this key: its partition moves between workers all the time. `/readyz` of each worker says why; " +
          "then run this again",
      );
    }
  }
}

const ownersMax = 10;
