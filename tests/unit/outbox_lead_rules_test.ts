import {
  type Duty,
  dutyAfter,
  isFree,
  isStuck,
  leadStep,
  leadTimes,
  noDuty,
} from "../../src/engine/outbox/lead_rules.ts";
import { cursorRefreshMs, isCursorDue } from "../../src/engine/outbox/cursor_age.ts";
import {
  afterFailure,
  afterRound,
  pruneStart,
  pruneTimes,
} from "../../src/engine/outbox/prune_outbox.ts";
import { assertEquals } from "../support/assert.ts";

const holder = { owner: "other", name: "other", heldMs: 0, leftMs: 5_000, isGone: false };

Deno.test("a lead is free when it is nobody's, one's own, over, or its holder is gone", () => {
  const free = (change: Partial<typeof holder>) =>
    isFree({ ...holder, ...change }, "me", leadTimes);
  assertEquals(isFree(undefined, "me", leadTimes), true);
  assertEquals(free({}), false);
  assertEquals(free({ owner: "me" }), true);
  assertEquals(free({ leftMs: 0 }), true);
  assertEquals(free({ isGone: true }), true);
  assertEquals(free({ leftMs: leadTimes.validMs }), false);
  // Written by a clock of the database that was an hour ahead.
  assertEquals(free({ leftMs: 3_600_000 }), true);
});

Deno.test("a leader renews, offers the lead when it does not come on, and takes back what nobody took", () => {
  const step = (duty: Duty, now: number, confirmedAt = now) =>
    leadStep({ kind: "held", confirmedAt }, duty, leadTimes, now);
  const begun = dutyAfter(noDuty, "begun", 0);
  assertEquals(step(begun, 15_000), "renew");
  assertEquals(step(begun, 20_001), "offer", "its session does not open");
  const opened = dutyAfter(begun, "opened", 9_000);
  assertEquals(step(opened, 18_000), "renew");
  assertEquals(step(opened, 19_001), "offer", "nothing is published");
  assertEquals(step(dutyAfter(opened, "failed", 12_000), 19_001), "offer");
  const idle = dutyAfter(opened, "done", 12_000);
  assertEquals(step(idle, 10_000_000), "renew");
  assertEquals(step(idle, 20_000, 10_000), "expired");
  const looking = dutyAfter(idle, "looking", 20_000);
  assertEquals(step(looking, 30_001), "offer");
  assertEquals(step(looking, 170_001), "hung");
  const offered = (duty: Duty, now: number) =>
    leadStep({ kind: "offered", since: 30_001 }, duty, leadTimes, now);
  assertEquals(offered(looking, 30_500), "wait");
  assertEquals(offered(looking, 31_001), "take back");
  assertEquals(offered(dutyAfter(looking, "done", 30_400), 30_500), "take back");
});

Deno.test("two that replace each other at every turn get more time, and lose that when they come on", () => {
  let duty = noDuty;
  const limits: number[] = [];
  for (let round = 0; round < 4; round++) {
    duty = dutyAfter(dutyAfter(duty, "begun", 0), "opened", 0);
    limits.push([10, 20, 40, 80].findLast((s) => !isStuck(duty, leadTimes, s * 1_000)) ?? 0);
    duty = dutyAfter(duty, "taken", 0);
  }
  assertEquals(limits, [10, 20, 40, 40]);
  assertEquals(dutyAfter(duty, "done", 0).rounds, 0);
});

Deno.test("the cursor is committed again well within the time that Kafka keeps it", () => {
  const [minute, hour] = [60_000, 3_600_000];
  assertEquals(cursorRefreshMs(undefined), 3 * hour);
  assertEquals(cursorRefreshMs(7 * 24 * hour), 3 * hour);
  assertEquals(cursorRefreshMs(minute), minute / 8);
  const due = (committedAt: number | undefined, isStart: boolean) =>
    isCursorDue({ committedAt, isStart }, 3 * hour, 10 * hour);
  assertEquals([due(undefined, false), due(undefined, true)], [true, true]);
  assertEquals([due(8 * hour, false), due(8 * hour, true)], [false, true]);
  assertEquals([due(7 * hour, false), due(10 * hour - 1_000, true)], [true, false]);
});

Deno.test("pruning goes on at once while there is more, and by smaller pieces after a failure", () => {
  const all = { looked: pruneStart.limit, deleted: 9_000, next: 77 };
  const after = (found: typeof all) => afterRound(pruneStart, found, pruneTimes);
  assertEquals([after(all).pauseMs, after(all).from], [0, 77]);
  assertEquals(after({ ...all, looked: 500, deleted: 500 }).pauseMs, pruneTimes.someMs);
  assertEquals(after({ ...all, deleted: 0 }).pauseMs, pruneTimes.noneMs);
  const failed = afterFailure(pruneStart, pruneTimes);
  assertEquals([failed.limit, failed.failures], [5_000, 1]);
  assertEquals(afterRound(failed, { ...all, looked: 5_000 }, pruneTimes).limit, 10_000);
});
