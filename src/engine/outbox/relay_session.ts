/** One session of a relay: from fencing and the stable cursor to the first doubt. */
import {
  postgresCause,
  relayCheck,
  type RelayDeps,
  type RelayObserver,
  type RelayOptions,
  type RelayProgress,
  sessionCause,
} from "./relay_options.ts";
import { getLogger } from "../packages/logtape.ts";
import { CheckpointClock } from "../core/checkpoint_clock.ts";
import { offsetNotBelow } from "../core/known_offset.ts";
import { transactionalId } from "../core/delivery.ts";
import type { Transactor } from "../core/ports.ts";
import { publish, refresh, release } from "./publish_rows.ts";
import type { Barrier } from "./barrier_read.ts";
import { cursorRefreshMs, isCursorDue } from "./cursor_age.ts";
import { dutyAfter, type DutyEvent } from "./lead_rules.ts";
import { steadyClock } from "./relay_clock.ts";
import { lowestCursor } from "./relay_cursor.ts";

const log = getLogger(["onceflow", "outbox", "relay"]);
/** How often it is looked whether what was held back can be published. */
const releaseIntervalMs = 1_000;

/**
 * Fences earlier relays, reads the cursor and relays from it. Resolves when the signal fires.
 *
 * @throws {TransactionError} at the first doubt; the next session's cursor tells the outcome
 */
export async function relaySession(
  deps: RelayDeps,
  options: RelayOptions,
  signal: AbortSignal,
  observer: RelayObserver,
  progress: RelayProgress,
): Promise<void> {
  const { shard, groupId, cursorTopic } = options;
  const place = { topic: cursorTopic, partition: shard };
  // What ended the last session may have been a restore of Postgres.
  progress.recordedTopics.clear();
  await using transactor = await deps.transactions.open(transactionalId(groupId, place), signal);
  const read = () => deps.transactions.stableOffset(groupId, place, signal);
  const answer = await read();
  const floor = lowestCursor(progress.after, await deps.store.relayedUpTo());
  const cursor = await offsetNotBelow(floor, { groupId, ...place }, answer, read, signal);
  const { after, eventId, isRowGone = false, holds, writtenBelow } = await deps.store.check(cursor);
  // Whoever has lost the lead meanwhile must not touch what the next session of this process goes by.
  signal.throwIfAborted();
  for (const dependency of ["postgres", "kafka"]) observer.dependency?.(dependency, true);
  deps.health?.up(relayCheck(shard), postgresCause);
  if (progress.doubt !== undefined) {
    observer.resolved?.(after === progress.doubt ? "committed" : "aborted");
  }
  Object.assign(progress, { after, eventId, isRowGone, holds, writtenBelow, doubt: undefined });
  if (progress.unwritten === undefined) deps.health?.up(relayCheck(shard), sessionCause);
  observer.stands?.(shard, { position: after, holds });
  sayWhereItGoesOn(shard, progress);
  await relayRows(deps, options, transactor, signal, observer, progress);
}

/** One line for what has passed by itself; the end of what was said of `relay:<shard>` is said there. */
function sayWhereItGoesOn(shard: number, progress: RelayProgress): void {
  const { after, failures, untold: reason } = progress;
  progress.untold = undefined;
  if (reason !== undefined) {
    const text = "Relay of shard {shard} goes on from position {after}, after this: {reason}";
    return log.warn(text, { shard, after, reason });
  }
  const text = "Relaying shard {shard} from position {after}";
  if (failures > 0) log.debug(text, { shard, after });
  else log.info(text, { shard, after });
}

async function relayRows(
  deps: RelayDeps,
  options: RelayOptions,
  transactor: Transactor,
  signal: AbortSignal,
  observer: RelayObserver,
  progress: RelayProgress,
): Promise<void> {
  const { shard, batchRecordsMax: limit, pollIntervalMs } = options;
  const { store, clock = steadyClock } = deps;
  const tell = (event: DutyEvent) =>
    void (progress.duty = dutyAfter(progress.duty, event, clock.now()));
  const checkpointClock = new CheckpointClock(() => clock.now());
  let barrier: Barrier | undefined;
  let checkpoint = -1;
  let isStart = true;
  let releasedAt = -Infinity;
  let refreshMs = cursorRefreshMs(undefined);
  deps.offsetsKeptMs?.().then((ms) => void (refreshMs = cursorRefreshMs(ms)), () => {});
  const publishing = { deps, options, transactor, observer, progress };
  const writeCheckpoint = async () => {
    await store.checkpoint(progress.after);
    checkpoint = progress.after;
  };
  tell("opened");
  while (!signal.aborted) {
    tell("looking");
    if (progress.holds.length > 0 && clock.now() - releasedAt > releaseIntervalMs) {
      await release(publishing, signal);
      releasedAt = clock.now();
    }
    const { after: cursor, isRowGone } = progress;
    const reached = isRowGone ? undefined : progress.eventId;
    const read = await store.read({ after: cursor, eventId: reached, limit, barrier, signal });
    if (signal.aborted) return;
    if (read.kind === "rows") {
      barrier = read.barrier;
      const passed = await publish(publishing, read.rows, read.barrier.xid);
      tell("done");
      if (passed === 0) {
        await clock.delay(releaseIntervalMs, signal);
        continue;
      }
      progress.committedAt = clock.now();
      isStart = false;
      if (checkpointClock.isDue()) await writeCheckpoint();
      continue;
    }
    barrier = read.kind === "waiting" ? read.barrier : undefined;
    if (read.kind === "waiting") observer.waiting?.(shard);
    const { after, eventId, committedAt } = progress;
    if (after > 0 && checkpoint !== after) await writeCheckpoint();
    if (eventId && isCursorDue({ committedAt, isStart }, refreshMs, clock.now())) {
      await refresh(publishing);
      progress.committedAt = clock.now();
      isStart = false;
    }
    tell("done");
    await clock.delay(pollIntervalMs, signal);
  }
}
