/** Stands by until this process may lead, and keeps the lead while the work goes on. Never relays. */
import { getLogger } from "../packages/logtape.ts";
import { unlessAborted } from "../core/delay.ts";
import { DependencyDownError } from "../core/errors.ts";
import {
  type Duty,
  isFree,
  type Lead,
  type LeadHolder,
  leadStep,
  type LeadTimes,
} from "./lead_rules.ts";
import { type RelayClock, withinMs } from "./relay_clock.ts";
import type { RelayLead } from "./relay_lead.ts";

/** What holding needs. */
export interface Holding {
  readonly lead: RelayLead;
  readonly shard: number;
  readonly times: LeadTimes;
  readonly clock: RelayClock;
}

/** Another process has the lead, or Postgres did not say in time that we still have it. */
export class LeadLostError extends Error {
  override name = "LeadLostError";
}

const log = getLogger(["onceflow", "outbox", "lead"]);

/**
 * Resolves with the time from which on the lead counts as ours. `onHolder` is told, at each look, who has it instead.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached, or takes no writes
 */
export async function standBy(
  holding: Holding,
  signal: AbortSignal,
  onHolder: (holder: LeadHolder) => void,
): Promise<number> {
  const { lead, times, clock } = holding;
  while (true) {
    signal.throwIfAborted();
    const askedAt = clock.now();
    const holder = await answered(holding, () => lead.look());
    const mayTake = isFree(holder, lead.owner, times);
    if (mayTake && await answered(holding, () => lead.take(holder, times.validMs))) return askedAt;
    if (holder && !mayTake) onHolder(holder);
    await clock.delay(times.pollMs, signal);
  }
}

/**
 * Runs `work` and renews the lead beside it; gives it back at the end. The work's signal fires with the given one, and when
 * the lead is lost: what is under way then is left to itself, since it may hang in Kafka.
 *
 * @throws {LeadLostError}
 */
export async function whileLeading(
  holding: Holding,
  confirmedAt: number,
  duty: () => Duty,
  signal: AbortSignal,
  work: (signal: AbortSignal, lost: AbortSignal) => Promise<void>,
  tell: (event: "taken" | "kept") => void,
): Promise<void> {
  const over = new AbortController();
  const lost = new AbortController();
  const keeping = keep(holding, confirmedAt, duty, over.signal, tell).then((reason) => {
    if (reason) lost.abort(new LeadLostError(reason));
  });
  try {
    const working = work(AbortSignal.any([signal, lost.signal]), lost.signal);
    working.catch(() => {}); // What it says after the lead was lost is of no use.
    await unlessAborted(working, lost.signal);
  } finally {
    over.abort();
    await keeping;
    // Not given back in time, it ends with the connection.
    if (!lost.signal.aborted) await giveBack(holding).catch(() => {});
  }
}

/** Answers why the lead is lost, or nothing when the work is over. */
async function keep(
  holding: Holding,
  confirmedAt: number,
  duty: () => Duty,
  over: AbortSignal,
  tell: (event: "taken" | "kept") => void,
): Promise<string | undefined> {
  const { lead, shard, times, clock } = holding;
  const ask = <T>(question: () => Promise<T>) => {
    over.throwIfAborted();
    return unlessAborted(answered(holding, question), over);
  };
  let state: Lead = { kind: "held", confirmedAt };
  let pauseMs = times.renewMs;
  while (true) {
    await clock.delay(pauseMs, over).catch(() => {});
    if (over.aborted) return;
    const now = clock.now();
    const step = leadStep(state, duty(), times, now);
    pauseMs = step === "renew" ? times.renewMs : times.pollMs;
    try {
      switch (step) {
        case "expired":
          return "Postgres did not confirm in time that this process still leads";
        case "hung":
          return "nothing was heard of its session for long";
        case "renew":
          if (!await ask(() => lead.renew(times.validMs))) return taken;
          state = { kind: "held", confirmedAt: now };
          break;
        case "offer":
          // Where another takes it that is a line, and where nobody does, what stands in the way is.
          log.debug("Shard {shard} does not come on; others may lead it", { shard });
          await ask(() => lead.release());
          state = { kind: "offered", since: now };
          break;
        case "take back": {
          const holder = await ask(() => lead.look());
          const isMine = isFree(holder, lead.owner, times) &&
            await ask(() => lead.take(holder, times.validMs));
          tell(isMine ? "kept" : "taken");
          if (!isMine) return taken;
          state = { kind: "held", confirmedAt: now };
        }
      }
    } catch (error) {
      // Postgres is away: said by whoever reads the outbox there. The lead ends when this lasts.
      log.debug("Cannot keep the lead of shard {shard}: {error}", { shard, error: String(error) });
      pauseMs = times.pollMs;
    }
  }
}

const taken = "another process leads by now";
const giveBackMsMax = 1_000;

async function giveBack({ lead, clock }: Holding): Promise<void> {
  await withinMs(lead.release(), giveBackMsMax, clock, () => new Error("too late"));
}

/** In a black hole of the network nothing would ever be answered. */
async function answered<T>({ lead, times, clock }: Holding, ask: () => Promise<T>): Promise<T> {
  return await withinMs(ask(), times.validMs / 2, clock, () => {
    lead.reconnect();
    return new DependencyDownError("postgres", "Postgres does not answer");
  });
}
