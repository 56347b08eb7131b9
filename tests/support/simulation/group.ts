/** The coordinator of a consumer group: generations, members, and whose offsets it takes (KIP-447). */
import type { GroupMember } from "../../../src/engine/core/ports.ts";
import type { World } from "./world.ts";

/** What the coordinator says no with. */
export class GroupError extends Error {
  constructor(readonly reason: "unknown-member" | "illegal-generation" | "rebalance") {
    super(reason);
  }
}

interface Seat {
  readonly memberId: string;
  beatAt: number;
  /** Set while the answer to its JoinGroup is held back. */
  join?: PromiseWithResolvers<GroupMember>;
}

const sessionMsMax = 3_000;
const rebalanceMsMax = 3_000;
const sweepMs = 250;

/** See the file's first line. */
export class Group {
  readonly #seats = new Map<string, Seat>();
  generation = 0;
  #isPreparing = false;
  #preparingSince = 0;
  #assignment = new Map<string, readonly number[]>();
  #ids = 0;

  constructor(readonly world: World, readonly partitions: number) {
    this.#sweep();
  }

  /** Answers once all members have joined, or their time is over. */
  join(memberId: string | undefined): Promise<GroupMember> {
    const known = memberId === undefined ? undefined : this.#seats.get(memberId);
    const seat: Seat = known ?? { memberId: `m${this.#ids++}`, beatAt: 0 };
    this.#seats.set(seat.memberId, seat);
    seat.beatAt = this.world.time.now;
    seat.join?.reject(new GroupError("rebalance"));
    seat.join = Promise.withResolvers();
    seat.join.promise.catch(() => {});
    const { promise } = seat.join;
    this.#prepare();
    this.#completeWhenAll();
    return promise;
  }

  /** The member's partitions. Throws where the group has gone on. */
  sync(member: GroupMember): readonly number[] {
    this.check(member);
    if (this.#isPreparing) throw new GroupError("rebalance");
    return this.#assignment.get(member.memberId) ?? [];
  }

  beat(member: GroupMember): void {
    this.check(member);
    const seat = this.#seats.get(member.memberId);
    if (seat) seat.beatAt = this.world.time.now;
    if (this.#isPreparing) throw new GroupError("rebalance");
  }

  leave(memberId: string): void {
    if (this.#remove(memberId)) this.#completeWhenAll();
  }

  /** Offsets are taken from members of the present generation, also while a rebalance is being prepared. */
  check({ memberId, generationId }: GroupMember): void {
    if (!this.#seats.has(memberId)) throw new GroupError("unknown-member");
    if (generationId !== this.generation) throw new GroupError("illegal-generation");
  }

  #prepare(): void {
    if (this.#isPreparing) return;
    this.#isPreparing = true;
    this.#preparingSince = this.world.time.now;
  }

  #remove(memberId: string): boolean {
    const seat = this.#seats.get(memberId);
    if (!seat) return false;
    this.#seats.delete(memberId);
    seat.join?.reject(new GroupError("unknown-member"));
    this.#prepare();
    return true;
  }

  #completeWhenAll(): void {
    const seats = [...this.#seats.values()];
    if (!this.#isPreparing || seats.length === 0 || !seats.every(({ join }) => join)) return;
    this.#isPreparing = false;
    this.generation++;
    // Any division: partitions that stay and partitions that move.
    const { random } = this.world;
    const owners = new Map<string, number[]>(seats.map(({ memberId }) => [memberId, []]));
    for (let partition = 0; partition < this.partitions; partition++) {
      owners.get(random.pick(seats).memberId)?.push(partition);
    }
    this.#assignment = owners;
    for (const seat of seats) {
      seat.join?.resolve({ memberId: seat.memberId, generationId: this.generation });
      seat.join = undefined;
    }
  }

  /** Members that are silent for too long are given up, and so are those that do not join again. */
  #sweep(): void {
    if (this.world.isOver) return;
    const { now } = this.world.time;
    for (const { memberId, beatAt, join } of [...this.#seats.values()]) {
      if (!join && now - beatAt > sessionMsMax) this.#remove(memberId);
    }
    if (this.#isPreparing && now - this.#preparingSince > rebalanceMsMax) {
      for (const { memberId, join } of [...this.#seats.values()]) if (!join) this.#remove(memberId);
    }
    this.#completeWhenAll();
    this.world.time.after(sweepMs, () => this.#sweep());
  }
}
