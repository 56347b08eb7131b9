/**
 * Heartbeats of one member, for one generation at a time. Owns no timer and decides nothing about a refusal.
 *
 * kafkajs's own are skipped in silence while the wall clock stands before the last one (a clock that was stepped back), and
 * while it has no member id; then the member is thrown out and takes itself for the owner. These are sent or they fail.
 */
import type { VendorConsumerGroup } from "./vendor.ts";

/** Who beats: a generation that this member has an assignment of. */
interface Identity {
  readonly generationId: number;
  readonly memberId: string;
}

/** See the file's first lines. */
export class Heartbeat {
  #identity: Identity | undefined;
  #underWay: Promise<void> | undefined;

  constructor(readonly groupId: string, readonly group: VendorConsumerGroup) {}

  /** From now on as the member that the group has just given an assignment to. */
  begin(): void {
    const { generationId, memberId } = this.group;
    this.#identity = generationId !== null && memberId ? { generationId, memberId } : undefined;
  }

  /**
   * The assignment counts no longer. From the answer to JoinGroup on the coordinator takes beats of the new generation,
   * before anybody knows who owns what in it: no beat may answer that question then.
   */
  end(): void {
    this.#identity = undefined;
  }

  /**
   * Resolves when the coordinator has accepted a beat of the generation whose assignment is in force. Those who ask at the
   * same time share one request.
   */
  async beat(): Promise<void> {
    const identity = this.#identity;
    if (!identity) throw new Error(`Not a member of group ${this.groupId} at the moment`);
    await (this.#underWay ??= this.#send(identity).finally(() => this.#underWay = undefined));
    if (this.#identity !== identity) {
      throw new Error(`Group ${this.groupId} has had a rebalance meanwhile`);
    }
  }

  async #send({ generationId, memberId }: Identity): Promise<void> {
    const { coordinator } = this.group;
    if (!coordinator) throw new Error(`The coordinator of group ${this.groupId} is not known`);
    await coordinator.heartbeat({
      groupId: this.groupId,
      groupGenerationId: generationId,
      memberId,
    });
  }
}
