/**
 * Commits for all lanes of one member of a group: whatever plans are ready become one transaction, and while it commits the
 * next ones gather (group commit, as databases do it). It begins none between the JoinGroup request and the answer to
 * SyncGroup, and takes in no plan for a partition that the member has lost.
 *
 * The transactional id is named after one of the partitions that the member owns, the first that may be used. So no two
 * members of a generation share one, there are never more ids than partitions, and each id has an owner who ends what was
 * left open under it: the owner of that partition.
 */
import { setImmediate } from "node:timers";
import type { Clock } from "./clock.ts";
import type { Committer, CommitterOwner, LanePlan } from "./committer.ts";
import { doneWithin, unlessAborted } from "./delay.ts";
import type { Health } from "./health.ts";
import { LeftOpen } from "./left_open.ts";
import { outageIn } from "./outage.ts";
import { MemberProducer } from "./member_producer.ts";
import { transactionalId, transactionalIds } from "./delivery.ts";
import { PlanQueue, type TransactionBounds, type WaitingPlan } from "./plan_queue.ts";
import {
  type CommittedOffset,
  type GroupMember,
  type LanePlace,
  TransactionError,
  type Transactions,
  type Transactor,
} from "./ports.ts";
import type { TopicPartition } from "./record.ts";
import { blockedBy, UnendedError } from "./unended_error.ts";

/** As whom to commit, and under one of which ids; there is none without a partition. */
interface Standing {
  readonly member: GroupMember;
  readonly ids: readonly string[];
}

/** See the file's first lines. Disposing closes the producer; a transaction at hand is left to itself. */
export class GroupCommitter implements Committer, CommitterOwner, AsyncDisposable {
  readonly #queue = new PlanQueue();
  readonly #producer: MemberProducer;
  readonly #ended = new AbortController();
  #standing: Standing | undefined;
  #paused = true;
  #resumed = Promise.withResolvers<void>();
  /** The transaction at hand; resolves when its lanes have been told. */
  #atHand: Promise<void> | undefined;
  #gathering = false;
  readonly #leftOpen: LeftOpen;
  /** Whoever takes our id away may have changed what sessions have read (a parked key): all of them begin anew. */
  #timesFenced = 0;

  constructor(
    readonly groupId: string,
    readonly transactions: Transactions,
    readonly bounds: TransactionBounds,
    /** Told when the group refuses what this member commits, as `group:<id>`. */
    readonly health?: Health,
    /** Runs it one turn of the event loop later, when the lanes that have records have planned. */
    readonly soon: (run: () => void) => void = setImmediate,
    clock?: Clock,
  ) {
    this.#producer = new MemberProducer(transactions);
    this.#leftOpen = new LeftOpen((id) => this.#endUnder(id), this.#ended.signal, clock);
  }

  async pause(msMax: number): Promise<boolean> {
    this.#paused = true;
    return this.#atHand === undefined || await doneWithin(this.#atHand, msMax);
  }

  resume(member: GroupMember, owned: readonly TopicPartition[]): void {
    const ids = transactionalIds(this.groupId, owned);
    this.#standing = ids.length > 0 ? { member, ids } : undefined;
    this.#paused = false;
    this.health?.up(`group:${this.groupId}`, refused);
    this.#producer.keep(ids);
    this.#resumed.resolve();
    this.#resumed = Promise.withResolvers();
    this.#leftOpen.end();
    this.#wake();
  }

  async ready(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    while (this.#paused || !this.#standing) {
      await unlessAborted(this.#resumed.promise, signal);
    }
    await unlessAborted(this.#producer.open(this.#standing.ids), signal);
    return this.#timesFenced;
  }

  async takeOver(lane: LanePlace, signal: AbortSignal): Promise<void> {
    const id = transactionalId(lane.groupId, lane);
    // Our own was opened by `ready`, which ends what was left under it.
    if (id !== this.#producer.id) await unheld(() => this.transactions.shutOut(id, signal));
  }

  stableOffset(lane: LanePlace, signal: AbortSignal): Promise<CommittedOffset> {
    return unheld(() => this.transactions.stableOffset(lane.groupId, lane, signal));
  }

  commit(plan: LanePlan): Promise<void> {
    if (plan.ticket !== this.#timesFenced) return Promise.reject(fenced());
    const committed = this.#queue.add(plan);
    this.#wake();
    return committed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#paused = true;
    const over = new DOMException("Nothing is committed any more", "AbortError");
    this.#ended.abort(over);
    this.#queue.rejectAll(over);
    await this.#producer[Symbol.asyncDispose]();
  }

  get #canBegin(): boolean {
    return !this.#paused && !this.#atHand && !this.#queue.isEmpty && this.#standing !== undefined;
  }

  #wake(): void {
    if (this.#gathering || !this.#canBegin) return;
    this.#gathering = true;
    // Lanes whose records came in one answer plan one after the other: a turn of the loop brings them together.
    this.soon(() => {
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
    if (!standing) return;
    let transactor: Transactor;
    try {
      transactor = await this.#producer.open(standing.ids);
    } catch (error) {
      return this.#queue.rejectAll(notBegun(error));
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
      this.#failed(error, plans, standing, transactor.transactionalId);
      return;
    }
    this.#queue.committed(plans);
  }

  #failed(
    error: unknown,
    plans: readonly WaitingPlan[],
    standing: Standing,
    id: string,
  ): void {
    const { verdict = "unknown", begun = true } = error instanceof TransactionError ? error : {};
    if (begun) {
      // Whoever took it away has ended it.
      this.#leftOpen.set(verdict === "migrated" ? undefined : id);
      // A transaction that has outlasted a rebalance: the next generation has another producer already.
      if (this.#producer.id === id) this.#producer.throwAway();
    }
    this.#queue.failed(plans, error);
    if (verdict === "migrated") {
      this.#timesFenced++;
      this.#queue.rejectAll(fenced());
      return;
    }
    if (verdict === "left-behind" && this.#standing === standing) {
      const reason =
        `refuses what this member commits in generation ${standing.member.generationId}: ` +
        `it has gone on without it, and nothing of that counts; joining again`;
      this.health?.down(`group:${this.groupId}`, reason, { cause: refused });
    }
    // As whom to go on is said by the answer to SyncGroup.
    if (verdict !== "left-behind" || this.#standing !== standing) this.#leftOpen.end();
  }

  async #endUnder(id: string): Promise<boolean> {
    const standing = this.#standing;
    // The answer to SyncGroup says as whom to go on.
    if (this.#paused) return false;
    // Where the partition that it is named after has gone, its owner has ended it.
    if (!standing?.ids.includes(id)) return true;
    await this.#producer.open(standing.ids);
    if (id !== this.#producer.id) await this.transactions.shutOut(id, this.#ended.signal);
    return true;
  }
}

/** The cause in `health`. */
const refused = "refused";

function fenced(): TransactionError {
  return new TransactionError("migrated", "another producer took the transactional id over", {
    begun: false,
  });
}

/** As the lanes are told that wait: of their plans nothing was sent. */
function notBegun(error: unknown): unknown {
  if (!(error instanceof TransactionError)) return error;
  // An outage stays one for those that wait.
  const cause = outageIn(error) ?? error;
  return new TransactionError(error.verdict, error.message, { cause, begun: false });
}

/** What holds one id up holds up the lane that needs it, until a person has decided, and no other. */
async function unheld<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw error instanceof UnendedError ? blockedBy(error) : error;
  }
}
