/** Repeats a question until Kafka answers it: an outage in which a partition changes hands must not end the process. */
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import type { Health } from "../core/health.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { backoffMs } from "../core/retry_policy.ts";
import type { Backoff } from "./wait_for_postgres.ts";

/** Who asks. */
export interface KafkaWaiter {
  readonly projection: string;
  readonly partition: TopicPartition;
  readonly backoff: Backoff;
  readonly signal: AbortSignal;
  /** Told as `projection:<name>` while there is no answer. */
  readonly health?: Health;
}

/** The answer; rejects with a HaltError of the question at once, and with the signal's reason when that fires. */
export async function waitForKafka<T>(
  ask: () => Promise<T>,
  { projection, partition, backoff, signal, health }: KafkaWaiter,
): Promise<T> {
  const name = `projection:${projection}`;
  const cause = `Kafka for ${formatPartition(partition)}`;
  try {
    for (let attempt = 1;; attempt++) {
      try {
        return await ask();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof HaltError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        // Without the partition: an outage is one line, however many of them wait.
        if (attempt === 1) health?.down(name, `waits for Kafka: ${reason}`, { cause });
      }
      await delay(backoffMs(attempt, backoff.firstMs, backoff.waitMsMax), signal);
    }
  } finally {
    health?.up(name, cause);
  }
}
