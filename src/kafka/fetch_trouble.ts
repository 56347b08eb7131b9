/** Says which partitions cannot be read, and why, under the lane's own name. Reads nothing itself. */
import { type Health, laneCheck } from "../core/health.ts";
import type { TopicPartition } from "../core/record.ts";
import { obstacleOf } from "./obstacle.ts";

/** Whom to tell, and for whom is read. */
export interface FetchTroubleOptions {
  readonly groupId: string;
  readonly user?: string;
  readonly health?: Health;
}

/** Leaders move, and the metadata is behind for a moment: from so many refusals in a row on it is said. */
const refusalsMax = 10;

/** See the file's first line. Partitions are told apart by the object that stands for them. */
export class FetchTrouble {
  readonly #refusals = new Map<TopicPartition, number>();
  readonly #cause: string;

  constructor(readonly options: FetchTroubleOptions) {
    // Two groups of one process may read the same partition.
    this.#cause = `reading for ${options.groupId}`;
  }

  /** A fetch of this partition was refused, or its leader could not be looked up. */
  refused(partition: TopicPartition, error: unknown, apiName?: string): void {
    const refusals = (this.#refusals.get(partition) ?? 0) + 1;
    this.#refusals.set(partition, refusals);
    const { groupId, user, health } = this.options;
    const topics = [partition.topic];
    if (apiName && error instanceof Error) Object.assign(error, { apiName });
    const obstacle = obstacleOf(error, { groupId, topics, user });
    if (obstacle?.kind !== "wait" && refusals < refusalsMax) return;
    const message = error instanceof Error ? error.message : "it has no leader";
    const reason = `group ${groupId} cannot read it: ${obstacle?.reason ?? message}`;
    health?.down(laneCheck(partition), reason, { cause: this.#cause });
  }

  /** A fetch of this partition was answered, or it is not read any more. */
  served(partition: TopicPartition): void {
    if (this.#refusals.size === 0 || !this.#refusals.delete(partition)) return;
    this.options.health?.up(laneCheck(partition), this.#cause);
  }
}
