/** What the doctor makes of groups, open transactions, the outbox, clocks and disks. */
import { WireWriter } from "../../src/engine/kafka/codec/wire_writer.ts";
import type { ExaminedTransaction } from "../../src/engine/kafka/examine_transactions.ts";
import { parseDescribeLogDirs } from "../../src/engine/kafka/log_dirs.ts";
import { parseDescribeQuorum } from "../../src/engine/kafka/quorum_clock.ts";
import type { Finding } from "../../src/tools/doctor/finding.ts";
import { type GroupFacts, judgeGroup } from "../../src/tools/doctor/judge_groups.ts";
import { judgeClock, judgeDisks } from "../../src/tools/doctor/judge_hosts.ts";
import { judgeShard } from "../../src/tools/doctor/judge_outbox.ts";
import { judgeTransactions } from "../../src/tools/doctor/judge_transactions.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const standings = (findings: readonly Finding[]) => findings.map(({ standing }) => standing);

const member = { memberId: "m", clientId: "c", host: "/10.0.0.7", assigned: [] };
const group: GroupFacts = {
  ...{ groupId: "g", state: "Stable", protocol: "onceflow", members: [member] },
  ...{ role: "flow", halts: [], lag: 0 },
};

Deno.test("a group of ours is right, and whoever else sits in it is named", () => {
  const judge = (facts: Partial<GroupFacts>) => judgeGroup({ ...group, ...facts });
  assertEquals(standings(judge({})), ["right"]);
  const [newer] = judge({ protocol: "consumer" });
  assertEquals(newer?.standing, "wrong");
  assertStringIncludes(newer?.text ?? "", "(consumer): c at 10.0.0.7.");
  const fixed = { ...member, instanceId: "i-1" };
  assertStringIncludes(
    judge({ protocol: "range", members: [fixed] })[0]?.text ?? "",
    "(static: i-1)",
  );
  assertEquals(standings(judge({ role: undefined })), ["wrong"]);
  assertEquals(standings(judge({ role: undefined, members: [], protocol: "" })), ["right"]);
  assertEquals(standings(judge({ state: "PreparingRebalance", protocol: "" })), ["warning"]);
});

Deno.test("a group without members is right where nothing waits, and its halts are lines", () => {
  const empty = { ...group, state: "Empty", members: [], protocol: "" };
  assertEquals(standings(judgeGroup(empty)), ["right"]);
  assertEquals(standings(judgeGroup({ ...empty, lag: 7 })), ["warning"]);
  const halts = [
    "Cannot go on with a-0: it is gone. Decide: this or that",
    "Cannot go on with a-1",
  ];
  const [first, second] = judgeGroup({ ...empty, halts });
  assertEquals([first?.standing, first?.remedy], ["wrong", "Decide: this or that"]);
  assertEquals([second?.standing, second?.remedy], ["wrong", undefined]);
});

function open(kind: ExaminedTransaction["kind"], more: Partial<ExaminedTransaction> = {}) {
  const part = {
    ...{ topic: "t", partition: 3, producerId: 7n, producerEpoch: 0, coordinatorEpoch: 0 },
    ...{ lastSequence: 0, lastTimestamp: 0, startOffset: 5 },
  };
  const examined = [{ part, kind, protocol2: true, transactionalId: "g/t/3", ...more }];
  return { examined, leaderless: [], refused: [] };
}

Deno.test("an open transaction is wrong where nobody will end it", () => {
  const state = {
    ...{ errorCode: 0, transactionalId: "g/t/3", state: "Ongoing", timeoutMs: 10_000 },
    ...{ startedAt: 1_000, producerId: 7n, producerEpoch: 0, partitions: [] },
  };
  const judge = (...[kind, more]: Parameters<typeof open>) => (nowMs: number) =>
    standings(judgeTransactions(open(kind, more), nowMs));
  assertEquals(judge("ongoing", { state })(11_000), ["right"]);
  assertEquals(judge("ongoing", { state })(60_000), ["wrong"]);
  assertEquals(judge("completing", { state })(60_000), ["warning"]);
  assertEquals(judge("hidden")(1_000), ["right"]);
  assertEquals(judge("hidden")(3_600_000), ["not_told"]);
  assertEquals(judge("unasked")(1_000), ["warning"]);
  const [proved] = judgeTransactions(open("forgotten", { outcome: "commit", proof: "x" }), 0);
  assertEquals(proved?.remedy, "deno task worker transactions --proved");
  assertEquals(judge("forgotten")(0), ["wrong"]);
  const refused = [{ topic: "t", partition: 0 }, { topic: "t", partition: 1 }];
  const [hidden] = judgeTransactions({ examined: [], leaderless: [], refused }, 0, "ada");
  assertStringIncludes(hidden?.remedy ?? "", "User:ada --operation Read --topic 't'");
});

Deno.test("a shard whose rows wait is wrong, and its cursor's halt is told", () => {
  const shard = { shard: 0, after: 9, backlog: { rows: 0, ageMs: 0 }, holds: 0, leader: "w" };
  const old = { rows: 4, ageMs: 90_000 };
  assertEquals(standings(judgeShard(shard)), ["right"]);
  assertEquals(standings(judgeShard({ ...shard, backlog: { rows: 4, ageMs: 900 } })), ["right"]);
  assertEquals(standings(judgeShard({ ...shard, backlog: old })), ["wrong"]);
  const [nobody] = judgeShard({ ...shard, backlog: old, leader: undefined });
  assertEquals(nobody?.remedy, "deno task worker --only relay");
  assertEquals(standings(judgeShard({ ...shard, holds: 1 })), ["warning"]);
  assertEquals(
    judgeShard({ ...shard, halt: "It is gone. Do this. Or that" })[0]?.remedy,
    "Do this. Or that",
  );
});

Deno.test("a clock is off by no more than question and answer prove", () => {
  const at = (theirsMs: number) =>
    judgeClock("Postgres", { theirsMs, askedAtMs: 100_000, answeredAtMs: 103_000 });
  assertEquals(at(101_000).standing, "right");
  assertEquals(at(104_500).standing, "right");
  assertEquals(at(98_500).standing, "right");
  assertStringIncludes(at(113_000).text, "10.0 s ahead of this host");
  assertEquals(at(90_000).standing, "warning");
  assertEquals(at(200_000).standing, "wrong");
  assertEquals(at(3_000).standing, "wrong");
});

Deno.test("disks that are nearly full or failed are named", () => {
  const dir = { path: "/data", errorCode: 0, totalBytes: 100e9, usableBytes: 50e9 };
  const judge = (more: Partial<typeof dir>) =>
    standings(judgeDisks([{ nodeId: 1, dirs: [{ ...dir, ...more }] }]));
  assertEquals(judge({}), ["right"]);
  assertEquals(judge({ usableBytes: 9e9 }), ["warning"]);
  assertEquals(judge({ usableBytes: 5e8 }), ["wrong"]);
  assertEquals(judge({ errorCode: 56, totalBytes: -1, usableBytes: -1 }), ["wrong"]);
  assertEquals(judge({ totalBytes: -1, usableBytes: -1 }), ["not_told"]);
});

Deno.test("answers about disks and the controller's clock are parsed, and refusals thrown", () => {
  const disks = new WireWriter().tags().int32(0).int16(0).arrayLength(1)
    .int16(0).string("/data").arrayLength(1)
    .string("t").arrayLength(1).int32(0).int64(5n).int64(0n).int8(0).tags().tags()
    .int64(100n).int64(40n).tags().tags();
  assertEquals(parseDescribeLogDirs(disks.finish()), [
    { path: "/data", errorCode: 0, totalBytes: 100, usableBytes: 40 },
  ]);
  const refused = new WireWriter().tags().int32(0).int16(31).arrayLength(0).tags();
  assertThrows(() => parseDescribeLogDirs(refused.finish()), Error, "Cluster authorization");

  const replica = (id: number, at: bigint) => (quorum: WireWriter) =>
    quorum.int32(id).int64(9n).int64(-1n).int64(at).tags();
  const quorum = new WireWriter().tags().int16(0).arrayLength(1)
    .string("__cluster_metadata").arrayLength(1).int32(0).int16(0).int32(2).int32(4).int64(8n);
  replica(2, 1_234n)(replica(1, 99n)(quorum.arrayLength(2)));
  replica(3, 55n)(quorum.arrayLength(1)).tags().tags().tags();
  assertEquals(parseDescribeQuorum(quorum.finish()), 1_234);
});
