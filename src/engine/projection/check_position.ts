/** Whether a projection can go on from its position in the log that there is. Asks the log, and moves nothing. */
import { delay } from "../core/delay.ts";
import type { PartitionReader } from "../core/ports.ts";
import { formatPartition } from "../core/record.ts";
import type { FoldTarget } from "./fold_target.ts";
import { rebuildAdvice, RebuildNeededError } from "./rebuild_needed.ts";
import { type KafkaWaiter, waitForKafka } from "./wait_for_kafka.ts";

/** The same topic, and a position within it, can still be of another log: where a broker's disk was replaced. @throws {RebuildNeededError} */
export async function checkSameLog(
  reader: PartitionReader,
  target: FoldTarget,
  mark: string | undefined,
  waiter: KafkaWaiter,
): Promise<void> {
  if (mark === undefined) return;
  const divergence = await waitForKafka(async () => await reader.divergence?.(mark), waiter);
  if (divergence === undefined) return;
  throw new RebuildNeededError(
    `Cannot project ${
      formatPartition(reader)
    } into ${target.label}: this is not the log that was ` +
      `folded: ${divergence}; ${rebuildAdvice}`,
    formatPartition(reader),
  );
}

/** How often a position beyond the end is looked at again: just after a leader change the end can seem to lag behind. */
const rangeChecksMax = 5;

/** The position lies within the log. @throws {RebuildNeededError} */
export async function checkRange(
  reader: PartitionReader,
  target: FoldTarget,
  position: number,
  waiter: KafkaWaiter,
): Promise<void> {
  for (let check = 1;; check++) {
    const { start, end } = await waitForKafka(() => reader.range(), waiter);
    if (position >= start && position <= end) return;
    if (check === rangeChecksMax || position < start) {
      throw new RebuildNeededError(
        `Cannot project ${formatPartition(reader)} into ${target.label} from offset ${position}: ` +
          // No figure that moves: each other text would be another line of the log.
          (position < start
            ? `the log starts at ${start}, so records were deleted before they were folded; `
            : "the log ends below it, so it is not the one that was folded (recreated, or restored to an earlier " +
              "point); ") +
          rebuildAdvice,
        formatPartition(reader),
      );
    }
    await delay(waiter.backoff.firstMs, waiter.signal);
  }
}
