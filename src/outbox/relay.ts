/**
 * Carries one shard of the outbox to Kafka: one transaction holds the events and the cursor that says how far it came.
 *
 * The cursor is a consumer group's offset on a topic that holds nothing, so Kafka commits it with the events or not at
 * all. Who may write it is decided by InitProducerId; who should try is decided by an advisory lock.
 */
import { getLogger } from "@logtape/logtape";
import { delay } from "../core/delay.ts";
import { DependencyDownError, HaltError } from "../core/errors.ts";
import type { Health } from "../core/health.ts";
import { doubtsMax } from "../core/may_reopen.ts";
import { TransactionError } from "../core/ports.ts";
import { backoffMs } from "../core/retry_policy.ts";
import type { AdvisoryLock } from "../postgres/advisory_lock.ts";
import { causeOf, stoppedCause } from "./announce_rows.ts";
import {
  relayCheck,
  type RelayDeps,
  type RelayObserver,
  type RelayOptions,
  type RelayProgress,
  relaySession,
  sessionCause,
} from "./relay_session.ts";

const log = getLogger(["onceflow", "outbox", "relay"]);
const lockPollMs = 300;
const backoffBaseMs = 50;
const backoffCapMs = 2_000;

/**
 * Relays until the signal fires. `deps.lock` is held by the one process that should relay this shard.
 *
 * @throws {HaltError} when the database is not the one that the cursor was written for, or lies behind it
 */
export async function runRelay(
  deps: RelayDeps & { readonly lock: AdvisoryLock },
  options: RelayOptions,
  signal: AbortSignal,
  observer: RelayObserver = {},
): Promise<void> {
  const { shard } = options;
  const progress: RelayProgress = {
    after: -1,
    eventId: undefined,
    doubt: undefined,
    failures: 0,
    holds: [],
  };
  while (!signal.aborted) {
    try {
      await untilHeld(deps, shard, observer, progress, signal);
      observer.leading?.(shard, true);
      await relaySession(deps, options, signal, observer, progress);
    } catch (error) {
      if (signal.aborted) return;
      await recover(error, deps.health, options, observer, ++progress.failures, signal);
    } finally {
      observer.leading?.(shard, false);
    }
  }
}

async function untilHeld(
  { lock, health }: Pick<RelayDeps, "health"> & { readonly lock: AdvisoryLock },
  shard: number,
  observer: RelayObserver,
  { holds }: RelayProgress,
  signal: AbortSignal,
): Promise<void> {
  while (!await lock.tryHold()) {
    // It has answered, and a relay that stands by opens no session that would say so.
    observer.dependency?.("postgres", true);
    // What stood in the way of relaying is the present leader's to say.
    for (const cause of [sessionCause, stoppedCause, ...holds.map(causeOf)]) {
      health?.up(relayCheck(shard), cause);
    }
    await delay(lockPollMs, signal);
  }
}

/** Decides whether another session may start, and waits before it. */
async function recover(
  error: unknown,
  health: Health | undefined,
  { shard }: RelayOptions,
  observer: RelayObserver,
  failures: number,
  signal: AbortSignal,
): Promise<void> {
  if (error instanceof HaltError) throw error;
  const reason = error instanceof Error ? error.message : String(error);
  if (
    error instanceof TransactionError &&
    (error.verdict === "fatal" || error.verdict === "rejected")
  ) {
    throw new HaltError(`Cannot go on relaying shard ${shard}: ${reason}`, { cause: error });
  }
  if (error instanceof DependencyDownError) observer.dependency?.(error.dependency, false);
  const blocked = error instanceof TransactionError && error.verdict === "blocked";
  if (health && (blocked || failures >= doubtsMax)) {
    // What stands in the way is said under its own name, and where it was looked for in the log.
    const waits = error instanceof DependencyDownError && `waits for ${error.dependency}`;
    health.down(relayCheck(shard), waits || reason, { cause: sessionCause });
  } else log.warn("Relay of shard {shard}: {reason}; opening a new session", { shard, reason });
  await delay(backoffMs(failures, backoffBaseMs, backoffCapMs), signal).catch(() => {});
}
