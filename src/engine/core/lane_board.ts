/** How far the lanes of a process have come, for whoever watches them. A lane writes a number; nothing here decides. */
import type { Assignment } from "./ports.ts";
import type { TopicPartition } from "./record.ts";

/** One lane as it stands. It writes the position itself. */
export interface LaneStanding extends TopicPartition {
  readonly groupId: string;
  /** The next offset to work on, all before it being done; -1 until the first session has opened. */
  position: number;
}

/** Lanes that run now. */
export class LaneBoard {
  readonly #lanes = new Set<LaneStanding>();

  /** Runs the lane with its standing, which is on the board until it ends. */
  async during<T>(
    { groupId, reader: { topic, partition } }: Pick<Assignment, "groupId" | "reader">,
    lane: (standing: LaneStanding) => Promise<T>,
  ): Promise<T> {
    const standing = { groupId, topic, partition, position: -1 };
    this.#lanes.add(standing);
    try {
      return await lane(standing);
    } finally {
      this.#lanes.delete(standing);
    }
  }

  /** In the order of their start. */
  lanes(): readonly LaneStanding[] {
    return [...this.#lanes];
  }
}
