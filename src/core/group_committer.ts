/**
 * Commits for all lanes of one member of a group: whatever plans are ready become one transaction, and while it commits the
 * next ones gather (group commit, as databases do it). It begins none between the JoinGroup request and the answer to
 * SyncGroup, and takes in no plan for a partition that the member has lost.
 *
 * The transactional id is named after the first of the partitions that the member owns. So no two members of a generation
 * share one, there are never more ids than partitions, and each id has an owner who ends what was left open under it: the
 * owner of that partition.
 */
import { setImmediate } from "node:timers";
import { getLogger } from "@logtape/logtape";
import type { Committer, CommitterOwner, LanePlan } from "./committer.ts";
import { doneWithin, unlessAborted } from "./delay.ts";
import { transactionalId } from "./delivery.ts";
import { PlanQueue, type TransactionBounds } from "./plan_queue.ts";
import {
  type CommittedOffset,
  firstOf,
  type GroupMember,
  type LanePlace,
  TransactionError,
  type Transactions,
  type Transactor,
} from "./ports.ts";
import type { TopicPartition } from "./record.ts";

/** As whom to commit, and under which id; without a partition there is none. */
interface Standing {
  readonly member: GroupMember;
  readonly id: string | undefined;
}

const log = getLogger(["onceflow", "core", "committer"]);

/** See the file's first lines. Disposing closes the producer; a transaction at hand is left to itself. */
export class GroupCommitter implements Committer, CommitterOwner, AsyncDisposable {
  readonly #queue = new PlanQueue();
  readonly #ended = new AbortController();
  #standing: Standing | undefined;
  #paused = true;
  #resumed = Promise.withResolvers<void>();
  #transactor: { readonly id: string; readonly opening: Promise<Transactor> } | undefined;
  /** The transaction at hand; resolves when its lanes have been told. */
  #atHand: Promise<void> | undefined;
  #gathering = false;
  /** Whoever takes our id away may have changed what sessions have read (a parked key): all of them begin anew. */
  #timesFenced = 0;

  constructor(
    readonly groupId: string,
    readonly transactions: Transactions,
    readonly bounds: TransactionBounds,
  ) {}

  async pause(msMax: number): Promise<boolean> {
    this.#paused = true;
    return this.#atHand === undefined || await doneWithin(this.#atHand, msMax);
  }

  resume(member: GroupMember, owned: readonly TopicPartition[]): void {
    const first = firstOf(owned);
    const id = first && transactionalId(this.groupId, first);
    this.#standing = { member, id };
    this.#paused = false;
    if (this.#transactor?.id !== id) this.#throwAway();
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
    this.#wake();
  }

  async ready(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    while (this.#paused || this.#standing?.id === undefined) {
      await unlessAborted(this.#resumed.promise, signal);
    }
    await unlessAborted(this.#open(this.#standing.id), signal);
    return this.#timesFenced;
  }

  async takeOver(lane: LanePlace, signal: AbortSignal): Promise<void> {
    const id = transactionalId(lane.groupId, lane);
    // Our own was opened by `ready`, which ends what was left under it.
    if (id !== this.#standing?.id) await this.transactions.shutOut(id, signal);
  }

  stableOffset(lane: LanePlace, signal: AbortSignal): Promise<CommittedOffset> {
    return this.transactions.stableOffset(lane.groupId, lane, signal);
  }

  commit(plan: LanePlan): Promise<void> {
    if (plan.ticket !== this.#timesFenced) return Promise.reject(fenced());
    const committed = this.#queue.add(plan);
    this.#wake();
    return committed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#paused = true;
    this.#ended.abort(new DOMException("Nothing is committed any more", "AbortError"));
    this.#queue.rejectAll(this.#ended.signal.reason);
    const spent = this.#transactor;
    this.#transactor = undefined;
    await spent?.opening.then((transactor) => transactor[Symbol.asyncDispose](), () => {});
  }

  /** The producer of this id; opened by the first who asks. */
  #open(id: string): Promise<Transactor> {
    if (this.#transactor?.id === id) return this.#transactor.opening;
    const opening = this.transactions.open(id, this.#ended.signal);
    const opened = this.#transactor = { id, opening };
    opening.catch(() => {
      if (this.#transactor === opened) this.#transactor = undefined;
    });
    return opening;
  }

  /** It is never used again; what it may have left open is ended when the next of its id is opened. */
  #throwAway(): void {
    const spent = this.#transactor;
    this.#transactor = undefined;
    spent?.opening.then((transactor) => transactor[Symbol.asyncDispose](), () => {})
      .catch((error) => log.debug("Closing a producer: {error}", { error }));
  }

  get #canBegin(): boolean {
    if (this.#paused || this.#atHand || this.#queue.isEmpty) return false;
    return this.#standing?.id !== undefined;
  }

  #wake(): void {
    if (this.#gathering || !this.#canBegin) return;
    this.#gathering = true;
    // Lanes whose records came in one answer plan one after the other: a turn of the loop brings them together.
    setImmediate(() => {
      this.#gathering = false;
      if (!this.#canBegin) return;
      this.#atHand = this.#transaction().finally(() => {
        this.#atHand = undefined;
        this.#wake();
      });
    });
  }

  async #transaction(): Promise<void> {
    const standing = this.#standing;
    if (standing?.id === undefined) return;
    let transactor: Transactor;
    try {
      transactor = await this.#open(standing.id);
    } catch (error) {
      return this.#queue.rejectAll(error);
    }
    // Meanwhile the member may have begun to join, or have joined: then this is not the way to commit any more.
    if (this.#paused || this.#standing !== standing) return;
    const plans = this.#queue.take(this.bounds);
    if (plans.length === 0) return;
    try {
      await transactor.commit({
        records: plans.flatMap(({ records }) => records),
        offsets: plans.map(({ offset }) => offset),
        member: standing.member,
      });
    } catch (error) {
      this.#throwAway();
      this.#queue.failed(plans, error);
      const verdict = error instanceof TransactionError ? error.verdict : "unknown";
      if (verdict === "migrated") {
        this.#timesFenced++;
        this.#queue.rejectAll(fenced());
        return;
      }
      // What it may have left open is in the way of readers, also where no lane has anything to commit for a long time.
      if (verdict === "left-behind" || this.#ended.signal.aborted) return;
      if (this.#standing?.id === standing.id) this.#open(standing.id).catch(() => {});
      return;
    }
    this.#queue.committed(plans);
  }
}

function fenced(): TransactionError {
  return new TransactionError("migrated", "another producer took the transactional id over");
}
