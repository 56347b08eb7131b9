/**
 * Says which partitions cannot be read, and why, under the lane's own name; and when no broker can be reached, that alone,
 * once for all of them. Reads nothing itself.
 */
import { type Health, laneCheck } from "../core/health.ts";
import type { TopicPartition } from "../core/record.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { noLeaderReason } from "./no_leader.ts";
import { obstacleOf } from "./obstacle.ts";

/** Whom to tell, and for whom is read. */
export interface FetchTroubleOptions {
  readonly groupId: string;
  readonly user?: string;
  readonly health?: Health;
}

/** Leaders move, and the metadata is behind for a moment: from so many refusals in a row on it is said. */
const refusalsMax = 10;

/** See the file's first lines. Partitions are told apart by the object that stands for them. */
export class FetchTrouble {
  readonly #refusals = new Map<TopicPartition, number>();
  readonly #cause: string;
  #failures = 0;

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
    const obstacle = obstacleOf(error, { groupId, topics, needs: ["Read"], user });
    if (obstacle?.kind !== "wait" && refusals < refusalsMax) return;
    const message = error instanceof Error ? error.message : String(error);
    // The same for all that read it, so that it is said once.
    const reason = error === undefined
      ? noLeaderReason
      : `group ${groupId} cannot read it: ${obstacle?.reason ?? message}`;
    health?.down(laneCheck(partition), reason, { cause: this.#cause });
  }

  /** The cluster was asked who leads these partitions, and the question failed as a whole. */
  unanswered(partitions: Iterable<TopicPartition>, error: unknown): void {
    if (protocolErrorType(error) !== undefined) {
      for (const partition of partitions) this.refused(partition, error);
    } else if (++this.#failures >= refusalsMax) {
      // In the words of whoever watches: an outage is one line, however many readers meet it.
      this.options.health?.down("kafka", "Kafka does not answer", { cause: this.#cause });
    }
  }

  /** It was answered. */
  answered(): void {
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.options.health?.up("kafka", this.#cause);
  }

  /** A fetch of this partition was answered, or it is not read any more. */
  served(partition: TopicPartition): void {
    if (this.#refusals.size === 0 || !this.#refusals.delete(partition)) return;
    this.options.health?.up(laneCheck(partition), this.#cause);
  }
}
