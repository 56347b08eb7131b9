/** Judges a shard of the outbox: does its cursor fit this database, does anybody hand its rows on. Pure. */
import type { Backlog } from "../../engine/outbox/backlog.ts";
import { type Finding, not, right, splitRemedy } from "./finding.ts";

/** One shard. */
export interface ShardFacts {
  readonly shard: number;
  /** In the words of the relay's halt, where the cursor does not fit. */
  readonly halt?: string;
  /** The last position that was published. */
  readonly after: number;
  readonly backlog: Backlog;
  /** Rows that were passed by, since their topic or partition takes none: how many places. */
  readonly holds: number;
  /** Who leads it now; undefined where nobody does. */
  readonly leader?: string;
}

const backlogMsMax = 30_000;

/** All that is to be said of it. */
export function judgeShard(facts: ShardFacts): Finding[] {
  const { shard, halt, after, backlog, holds, leader } = facts;
  const subject = `outbox shard ${shard}`;
  if (halt !== undefined) {
    const { text, remedy } = splitRemedy(halt, ". ", "first");
    return [not("wrong", subject, text, remedy)];
  }
  const rows = `${backlog.rows} row(s) wait, the oldest for ${Math.round(backlog.ageMs / 1_000)} s`;
  const findings: Finding[] = [];
  if (backlog.rows > 0 && backlog.ageMs > backlogMsMax) {
    findings.push(
      leader === undefined
        ? not("wrong", subject, `${rows}, and no relay leads it`, "deno task worker --only relay")
        : not(
          "wrong",
          subject,
          `${rows}, although ${leader} leads it`,
          "see relay:" + shard + " at /readyz of that worker, and open writers above",
        ),
    );
  }
  if (holds > 0) {
    findings.push(
      not(
        "warning",
        subject,
        `rows for ${holds} topic(s) or key(s) are held back`,
        `relay:${shard} at /readyz of the worker that leads names topic, limit and remedy`,
      ),
    );
  }
  if (findings.length > 0) return findings;
  const who = leader === undefined ? "no relay leads it now" : `led by ${leader}`;
  return [right(subject, `published up to position ${after}, ${backlog.rows} row(s) wait; ${who}`)];
}
