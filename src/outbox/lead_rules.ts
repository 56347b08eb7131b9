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
  /** Who cannot look for rows or announce what is there for so long lets others have a try. */
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

/** Whether the process of that id may take the lead. */
export function isFree(holder: LeadHolder | undefined, owner: string): boolean {
  return holder === undefined || holder.owner === owner || holder.isGone || holder.leftMs <= 0;
}

/** Whether the holder is known to get on: one that announces nothing would have offered the lead by now. */
export function isProven({ heldMs }: LeadHolder, { stuckMsMax, openMsMax }: LeadTimes): boolean {
  return heldMs > Math.max(stuckMsMax, openMsMax) * 1.5;
}

/** What a leader owes. */
export interface Duty {
  /** Since when there is something to do that is not done yet; undefined where nothing is. */
  readonly since: number | undefined;
  /** When it was heard of last. */
  readonly heardAt: number;
  /** It is at its first session. */
  readonly isOpening: boolean;
}

/**
 * What happens to a leader: it begins, looks for rows, has done what there was to do, its session fails, or nobody has taken
 * the lead that it had offered.
 */
export type DutyEvent = "begun" | "looking" | "done" | "failed" | "kept";

/** What is owed after that. */
export function dutyAfter(duty: Duty, event: DutyEvent, now: number): Duty {
  const { since, isOpening } = duty;
  switch (event) {
    case "begun":
      return { since: now, heardAt: now, isOpening: true };
    case "looking":
      return { since: since ?? now, heardAt: now, isOpening };
    case "done":
      return { since: undefined, heardAt: now, isOpening: false };
    case "failed":
      return { since: since ?? now, heardAt: now, isOpening: false };
    case "kept":
      return { ...duty, since: since === undefined ? undefined : now };
  }
}

/** Whether others should have a try. */
export function isStuck({ since, isOpening }: Duty, times: LeadTimes, now: number): boolean {
  return since !== undefined && now - since > (isOpening ? times.openMsMax : times.stuckMsMax);
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
