/** Asks again before an offset that was there counts as gone. Decides nothing about what follows. */
import { type Clock, systemClock } from "./clock.ts";
import type { CommittedOffset } from "./ports.ts";

/** How long to go on asking. */
export interface SettleOptions {
  /** An answer counts once it was the same for so long. */
  readonly settleMs?: number;
  readonly pauseMs?: number;
  readonly clock?: Clock;
}

/**
 * The committed offset, or that there is none, once the answer has stayed the same for `settleMs` (10 s).
 *
 * For a group that is known to have committed, where the answer is "none" or below what was committed. A broker that loses
 * and regains the leadership of an offsets partition while it loads it serves the partition too early: the end of the
 * first load is taken for the end of the second (`CoordinatorRuntime`, Kafka 4.0 to 4.3 at least). Meanwhile OffsetFetch answers "none",
 * then offsets that were overwritten long ago, and no error. Seen after `kill -9` of a lone broker on a busy machine, for
 * two seconds. Whoever asks here has shut out everyone else, so the true answer cannot change.
 */
export async function settledOffset(
  read: () => Promise<CommittedOffset>,
  signal: AbortSignal,
  { settleMs = 10_000, pauseMs = 250, clock = systemClock }: SettleOptions = {},
): Promise<CommittedOffset> {
  let answer = await read();
  for (let quietMs = 0; quietMs < settleMs; quietMs += pauseMs) {
    await clock.delay(pauseMs, signal);
    const next = await read();
    if (next.offset !== answer.offset) quietMs = 0;
    answer = next;
  }
  return answer;
}
