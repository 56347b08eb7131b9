/**
 * Who shall relay a shard, and for how long. Pure: state and time in, a decision out. That two relays at once do no harm is
 * not decided here: Kafka fences the older one.
 */

/** The times of a lease, milliseconds. */
export interface LeadTimes {
  /** It is renewed this often, */
  readonly renewMs: number;
  /** and ends this long after its last renewal, by the clock of the database. */
  readonly validMs: number;
  /** How often those that stand by look. */
  readonly pollMs: number;
  /** Who cannot look for rows or publish what is there for so long lets others have a try. */
  readonly stuckMsMax: number;
  /** The same for who opens its first session: Kafka may have a transaction of its predecessor to end. */
  readonly openMsMax: number;
  /** How long others have for taking what is offered to them. */
  readonly offerMs: number;
  /** A session of which nothing is heard for so long hangs, and is left to itself: longer than any wait within one. */
  readonly hungMsMax: number;
}

/** A frozen leader is replaced within `validMs` and `pollMs`, and one that gets nowhere within `stuckMsMax` and as much. */
export const leadTimes: LeadTimes = {
  renewMs: 2_000,
  validMs: 10_000,
  pollMs: 300,
  stuckMsMax: 10_000,
  openMsMax: 20_000,
  offerMs: 1_000,
  hungMsMax: 150_000,
};

/** Who has the lead, as the database sees it. */
export interface LeadHolder {
  /** The process that took it; each has an id of its own. */
  readonly owner: string;
  /** For people. */
  readonly name: string;
  /** How long ago it was taken. */
  readonly heldMs: number;
  /** How long it is still valid; 0 or less where it is not. */
  readonly leftMs: number;
  /** The holder's session of the database has ended: its process is gone, or cut off. */
  readonly isGone: boolean;
}

/**
 * Whether the process of that id may take the lead. A lease that is valid for longer than any is given for is of a clock that
 * was set back since: nobody renews it, or it would be shorter.
 */
export function isFree(
  holder: LeadHolder | undefined,
  owner: string,
  { validMs }: Pick<LeadTimes, "validMs">,
): boolean {
  if (holder === undefined || holder.owner === owner || holder.isGone) return true;
  return holder.leftMs <= 0 || holder.leftMs > 2 * validMs;
}

/** Whether the holder is known to get on: one that publishes nothing would have offered the lead by now. */
export function isProven({ heldMs }: LeadHolder, { stuckMsMax, openMsMax }: LeadTimes): boolean {
  return heldMs > Math.max(stuckMsMax, openMsMax) * 2 ** roundsMax;
}

/**
 * Each time that a process has offered the lead in vain, or lost it so, it takes twice as long the next time, up to four
 * times: where Kafka itself is slow, two that replace each other at every turn would never come on.
 */
const roundsMax = 2;

/** What a leader owes. */
export interface Duty {
  /** Since when there is something to do that is not done yet; undefined where nothing is. */
  readonly since: number | undefined;
  /** When it was heard of last. */
  readonly heardAt: number;
  /** It is opening its first session. */
  readonly isOpening: boolean;
  /** How often it has offered the lead since it last did what there was to do. */
  readonly rounds: number;
}

/** Of a process that has not led yet. */
export const noDuty: Duty = { since: undefined, heardAt: 0, isOpening: false, rounds: 0 };

/**
 * What happens to a leader: it begins, its session is open, it looks for rows, has done what there was to do, its session
 * fails, and when it has offered the lead, that is taken or not.
 */
export type DutyEvent = "begun" | "opened" | "looking" | "done" | "failed" | "taken" | "kept";

/** What is owed after that. */
export function dutyAfter(duty: Duty, event: DutyEvent, now: number): Duty {
  const heard = { ...duty, heardAt: now };
  switch (event) {
    case "begun":
      return { ...heard, since: now, isOpening: true };
    case "opened":
      return duty.isOpening ? { ...heard, since: now, isOpening: false } : heard;
    case "looking":
      return { ...heard, since: duty.since ?? now };
    case "done":
      return { ...heard, since: undefined, isOpening: false, rounds: 0 };
    case "failed":
      return { ...heard, since: duty.since ?? now, isOpening: false };
    case "taken":
      return { ...duty, rounds: Math.min(duty.rounds + 1, roundsMax) };
    case "kept":
      if (duty.since === undefined) return duty;
      return { ...duty, since: now, rounds: Math.min(duty.rounds + 1, roundsMax) };
  }
}

/** Whether others should have a try. */
export function isStuck(
  { since, isOpening, rounds }: Duty,
  { openMsMax, stuckMsMax }: LeadTimes,
  now: number,
): boolean {
  const msMax = (isOpening ? openMsMax : stuckMsMax) * 2 ** rounds;
  return since !== undefined && now - since > msMax;
}

/** The lead as its holder sees it. */
export type Lead =
  /** Valid for a while from `confirmedAt` on: when the renewal that succeeded last was asked for. */
  | { readonly kind: "held"; readonly confirmedAt: number }
  /** Given back so that others can take it. The work goes on until one does. */
  | { readonly kind: "offered"; readonly since: number };

/** What to do about the lead now. `expired` and `hung` end the session. */
export type LeadStep = "renew" | "offer" | "wait" | "take back" | "expired" | "hung";

/** The next step of a leader. */
export function leadStep(lead: Lead, duty: Duty, times: LeadTimes, now: number): LeadStep {
  if (duty.since !== undefined && now - duty.heardAt > times.hungMsMax) return "hung";
  switch (lead.kind) {
    case "held":
      if (now - lead.confirmedAt >= times.validMs) return "expired";
      return isStuck(duty, times, now) ? "offer" : "renew";
    case "offered":
      if (now - lead.since >= times.offerMs || !isStuck(duty, times, now)) return "take back";
      return "wait";
  }
}
