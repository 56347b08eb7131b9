import { LaneJudge } from "../../src/engine/flow/judge_lanes.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import type { LaneStanding } from "../../src/engine/core/lane_board.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";

const where = { topic: "orders", partition: 0 };
const ended = (lastStableOffset: number, highWatermark = lastStableOffset) => [
  { ...where, led: true, lastStableOffset, highWatermark },
];

function setUp(transactionTimeoutMs?: number) {
  const clock = { now: 0 };
  const health = createHealth(() => clock.now);
  const lags: number[] = [];
  const figures = { lag: (_: LaneStanding, records: number) => void lags.push(records) };
  const options = { health, figures, standsMsMax: 1_000, transactionTimeoutMs };
  const judge = new LaneJudge(options, () => clock.now);
  const detail = () => health.ready().checks.map(({ detail }) => detail).join();
  return { clock, health, judge, lags, detail };
}

Deno.test("a lane that stands still with records before it is not ready until it moves", () => {
  const { clock, judge, lags, detail } = setUp();
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: 5 };
  judge.look([lane], ended(9));
  clock.now = 1_000;
  judge.look([lane], ended(9));
  assertEquals(detail(), "");
  clock.now = 1_001;
  judge.look([lane], ended(9));
  assertEquals(detail(), "invoicing stands still at offset 5 with records before it");
  lane.position = 6;
  judge.look([lane], ended(9));
  assertEquals(detail(), "");
  assertEquals(lags, [4, 4, 4, 3]);
});

Deno.test("a lane at the end of what can be read stands still and is ready", () => {
  const { clock, judge, detail } = setUp();
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: 9 };
  for (clock.now = 0; clock.now < 10_000; clock.now += 500) judge.look([lane], ended(9, 12));
  assertEquals(detail(), "");
});

Deno.test("a lane that has not started and one without a leader are told apart", () => {
  const { clock, judge, detail } = setUp();
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: -1 };
  for (clock.now = 0; clock.now <= 2_000; clock.now += 500) judge.look([lane], ended(0));
  assertEquals(detail(), "invoicing has not been able to start");
  lane.position = 0;
  judge.look([lane], [{ ...where, led: false, lastStableOffset: -1, highWatermark: -1 }]);
  assertStringIncludes(detail(), "no leader");
  judge.look([lane], ended(0));
  assertEquals(detail(), "");
});

Deno.test("of two groups on a partition each takes back its own, and the last one the check", () => {
  const { clock, health, judge, detail } = setUp();
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  const one: LaneStanding = { ...where, groupId: "one", position: 5 };
  const two: LaneStanding = { ...where, groupId: "two", position: 5 };
  try {
    for (clock.now = 0; clock.now <= 2_000; clock.now += 500) judge.look([one, two], ended(9));
    judge.ended([one], [two]);
    assertEquals(detail(), "two stands still at offset 5 with records before it");
    judge.ended([two], []);
    assertEquals(health.ready(), { ready: true, checks: [] });
    // One that halted or was stopped is not all right again: nobody says that it comes on.
    assertEquals(lines.filter((line) => !line.includes("is not ready")), []);
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
});

Deno.test("a last stable offset that is held back past the transaction timeout is said", () => {
  const { clock, judge, detail } = setUp(60_000);
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: 5 };
  judge.look([lane], ended(5, 8));
  clock.now = 75_000;
  judge.look([lane], ended(5, 9));
  assertEquals(detail(), "");
  clock.now = 75_001;
  judge.look([lane], ended(5, 9));
  assertStringIncludes(detail(), "has held back all records from offset 5 on for more than 75 s");
  judge.look([lane], ended(9));
  assertEquals(detail(), "");
});

Deno.test("a lane that has ended takes back its own reasons, and no other's", () => {
  const { clock, health, judge, detail } = setUp();
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: 5 };
  for (clock.now = 0; clock.now <= 2_000; clock.now += 500) judge.look([lane], ended(9));
  health.down("lane:orders-0", "halted", { cause: "unreadable" });
  judge.ended([lane], []);
  assertEquals(detail(), "halted");
});

Deno.test("a thousand lanes that end together take one look at all conditions", () => {
  const health = createHealth();
  let looks = 0;
  const counting = { ...health, ready: () => (looks++, health.ready()) };
  const judge = new LaneJudge({ health: counting });
  const lanes = Array.from({ length: 1_000 }, (_, partition): LaneStanding => {
    return { topic: "orders", partition, groupId: "invoicing", position: 0 };
  });
  const end = { led: true, lastStableOffset: 0, highWatermark: 0 };
  judge.look(lanes, lanes.map(({ topic, partition }) => ({ ...end, topic, partition })));
  assertEquals(health.ready().checks.length, 1_000);
  judge.ended(lanes, []);
  assertEquals([health.ready().checks.length, looks], [0, 1]);
});

Deno.test("a leader that says nothing for long is said, and the lane is not blamed for it", () => {
  const { clock, judge, detail } = setUp();
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: 5 };
  for (clock.now = 0; clock.now <= 1_000; clock.now += 500) judge.look([lane], ended(-1));
  assertEquals(detail(), "");
  judge.look([lane], ended(-1));
  assertEquals(detail(), "the partition's leader does not answer");
  judge.look([lane], ended(9));
  assertEquals(detail(), "");
});

Deno.test("after a pause of the whole process no lane is blamed for it", () => {
  const { clock, judge, detail } = setUp();
  const lane: LaneStanding = { ...where, groupId: "invoicing", position: 5 };
  judge.look([lane], ended(9));
  clock.now = 60_000;
  judge.look([lane], ended(9));
  assertEquals(detail(), "");
});
