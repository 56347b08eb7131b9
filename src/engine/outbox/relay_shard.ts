/**
 * Carries one shard of the outbox to Kafka: one transaction holds the events and the cursor that says how far it came.
 *
 * The cursor is a consumer group's offset on a topic that holds nothing, so Kafka commits it with the events or not at
 * all. Who may write it is decided by InitProducerId; who should try is decided by a lease.
 */
import { getLogger } from "../packages/logtape.ts";
import type { Transactions } from "../core/ports.ts";
import { afterFailure } from "./after_failure.ts";
import { causeOf, stoppedCause } from "./publish_rows.ts";
import { type Holding, LeadLostError, standBy, whileLeading } from "./hold_lead.ts";
import { publishedBelow } from "./holds.ts";
import {
  dutyAfter,
  type DutyEvent,
  isProven,
  type LeadHolder,
  type LeadTimes,
  leadTimes,
} from "./lead_rules.ts";
import { pruneOutbox, type PruneTimes, pruneTimes } from "./prune_outbox.ts";
import { steadyClock } from "./relay_clock.ts";
import { TopicRefusedError } from "./refused_topics.ts";
import type { RelayLead } from "./relay_lead.ts";
import { relaySession } from "./relay_session.ts";
import {
  noProgress,
  postgresCause,
  relayCheck,
  type RelayDeps,
  type RelayObserver,
  type RelayOptions,
  type RelayProgress,
  sessionCause,
} from "./relay_options.ts";

const log = getLogger(["onceflow", "outbox", "relay"]);

/** What a relay needs, and what says whether it should work. */
export interface LedRelayDeps extends RelayDeps {
  readonly lead: RelayLead;
  readonly leadTimes?: LeadTimes;
  readonly pruneTimes?: PruneTimes;
}

/**
 * Relays until the signal fires, for as long as this process has the lead; stands by else.
 *
 * @throws {HaltError} when the database is not the one that the cursor was written for, or lies behind it
 */
export async function relayShard(
  deps: LedRelayDeps,
  options: RelayOptions,
  signal: AbortSignal,
  observer: RelayObserver = {},
): Promise<void> {
  const { shard } = options;
  const { lead, clock = steadyClock, leadTimes: times = leadTimes } = deps;
  const progress = noProgress();
  const holding: Holding = { lead, shard, times, clock };
  const failing = { shard, clock, observer, health: deps.health };
  const tell = (event: DutyEvent) =>
    void (progress.duty = dutyAfter(progress.duty, event, clock.now()));
  const failed = async (error: unknown, until: AbortSignal) => {
    tell("failed");
    // The next session goes on with all else; it may be long in coming, where the refused transaction cannot end.
    if (error instanceof TopicRefusedError) {
      const { topic, message } = error;
      return deps.health?.down(relayCheck(shard), message, { cause: causeOf({ topic }) });
    }
    progress.failures++;
    await afterFailure(error, failing, progress, until);
  };
  let looksFailed = 0;
  const looked = () => {
    // It has answered, and a relay that stands by opens no session that would say so.
    observer.dependency?.("postgres", true);
    deps.health?.up(relayCheck(shard), postgresCause);
    looksFailed = 0;
  };
  while (!signal.aborted) {
    try {
      const confirmedAt = await standBy(holding, signal, (holder) => {
        looked();
        standingBy(holder, deps, times, shard, progress);
      });
      looked();
      tell("begun");
      // Whoever led meanwhile has committed it, and may have left it for long.
      progress.committedAt = undefined;
      deps.health?.note(relayCheck(shard), "this process leads");
      observer.leading?.(shard, true);
      await whileLeading(
        holding,
        confirmedAt,
        () => progress.duty,
        signal,
        async (until, lost) => {
          const session = { ...deps, transactions: untilLost(deps.transactions, lost) };
          const halted = new AbortController();
          const pruning = prune(deps, options, progress, AbortSignal.any([until, halted.signal]));
          try {
            while (!until.aborted) {
              await relaySession(session, options, until, observer, progress)
                .catch((error) => until.aborted ? undefined : failed(error, until));
            }
          } finally {
            halted.abort();
            await pruning;
          }
        },
        tell,
      );
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof LeadLostError) {
        const { message: reason } = error;
        // In an outage the lead goes round, and what stands in the way is said already.
        const text = "Shard {shard} is not relayed here any more: {reason}";
        if (progress.failures > 0) log.debug(text, { shard, reason });
        else log.warn(text, { shard, reason });
      } else await afterFailure(error, failing, { failures: ++looksFailed }, signal);
    } finally {
      observer.leading?.(shard, false);
    }
  }
}

function prune(
  { store, health, clock = steadyClock, pruneTimes: times = pruneTimes }: LedRelayDeps,
  { shard, retentionHours }: RelayOptions,
  progress: RelayProgress,
  signal: AbortSignal,
): Promise<void> {
  const cursor = () => publishedBelow(progress.after, progress.holds);
  const deps = { remove: store.remove, cursor, clock, times, health, name: relayCheck(shard) };
  return pruneOutbox(deps, retentionHours, signal);
}

/** Says who leads instead. */
function standingBy(
  holder: LeadHolder,
  { health }: RelayDeps,
  times: LeadTimes,
  shard: number,
  progress: RelayProgress,
): void {
  health?.note(relayCheck(shard), `stands by: ${holder.name} leads`);
  // What is held back is the present leader's to say.
  const refused = [...progress.refused.keys()].map((topic) => causeOf({ topic }));
  for (const cause of [stoppedCause, ...refused, ...progress.holds.map(causeOf)]) {
    health?.up(relayCheck(shard), cause);
  }
  // What stood in the way here may stand in the way of the present leader, too: then it will offer the lead soon.
  if (progress.failures > 0 && !isProven(holder, times)) return;
  progress.failures = 0;
  health?.up(relayCheck(shard), sessionCause);
}

/** Once the lead is lost nothing more is written, and what a commit has come to is for the next session to find out. */
function untilLost(transactions: Transactions, lost: AbortSignal): Transactions {
  return {
    ...transactions,
    async open(id, signal) {
      const transactor = await transactions.open(id, signal);
      return {
        transactionalId: transactor.transactionalId,
        async commit(write) {
          lost.throwIfAborted();
          await transactor.commit(write);
          lost.throwIfAborted();
        },
        [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
      };
    },
  };
}
