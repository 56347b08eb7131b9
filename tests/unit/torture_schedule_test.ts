import { assertEquals, assertGreater, assertNotEquals } from "../support/assert.ts";
import { allFaults } from "../../src/tools/torture/faults/all_faults.ts";
import type { Stage } from "../../src/tools/torture/fault.ts";
import { drawSchedule, usualDensity } from "../../src/tools/torture/schedule.ts";

const stage: Stage = {
  brokers: 1,
  transactionProtocol: 1,
  workers: ["worker-1", "worker-2"],
  relays: ["relay-1"],
  projectors: ["projector-1"],
};
const kinds = allFaults({ transactionTimeoutMs: 3_000, sessionTimeoutMs: 6_000 });
const draw = (seed: string, on = stage) => [...drawSchedule(seed, on, kinds, usualDensity)];

Deno.test("the same seed draws the same schedule", () => {
  assertEquals(draw("one"), draw("one"));
});

Deno.test("another seed draws another schedule", () => {
  assertNotEquals(draw("one"), draw("two"));
});

Deno.test("every kind of fault is drawn early on its track", () => {
  for (const [track, faults] of draw("three", { ...stage, brokers: 3 })) {
    const ofTrack = kinds.filter((kind) => kind.track === track).map(({ kind }) => kind);
    const early = faults.slice(0, ofTrack.length).map(({ kind }) => kind);
    assertEquals(early.toSorted(), ofTrack.toSorted());
    assertGreater(faults.length, ofTrack.length);
  }
});

Deno.test("there is a kind of fault for everything that the torture promises", () => {
  const inTransactions = [
    ...["after InitProducerId", "after the offset fetch", "after AddPartitions"],
    ...["between produce requests", "after the last produce", "before EndTxn"],
    ...["between AddOffsets and TxnOffsetCommit", "EndTxn sent, its answer dropped"],
    "after the commit",
  ].flatMap((point) => ["worker", "relay"].map((role) => `kill -9 ${point}: ${role}`));
  const inside = [
    ...["relay-before-barrier", "relay-after-barrier", "relay-within-barrier", "relay-before-read"],
    ...["relay-after-read", "projector-before-commit", "projector-after-commit"],
  ].map((point) => `kill -9 ${point}`);
  const ofProcesses = ["worker", "relay", "projector", "serve"].flatMap((role) => [
    `kill -9 at random: ${role}`,
    `SIGSTOP, short: ${role}`,
    `SIGSTOP, longer than the transaction timeout: ${role}`,
    `SIGSTOP, longer than ${role === "relay" ? "its lease" : "the session timeout"}: ${role}`,
  ]);
  const transactional = [
    ...["addPartitionsToTxn", "produce", "addOffsetsToTxn", "txnOffsetCommit", "endTxn"],
  ].flatMap((api) => [
    `answer dropped, connection closed: ${api}`,
    `answer dropped in silence: ${api}`,
    `request held back, released in the next transaction: ${api}`,
  ]);
  const others = [
    ...["black-holed connection: endTxn", "half-open connection: endTxn"],
    ...["all connections of a process cut", "all connections of a process silent"],
    ...[
      "black hole towards Postgres",
      "black hole towards Postgres that its sessions do not outlive",
    ],
    ...["broker killed and restarted", "leaders and coordinators moved"],
    ...["rolling restart of the brokers", "broker stopped and continued"],
    ...["Postgres killed and restarted", "Postgres connections terminated"],
    ...["Postgres stopped and continued", "a projector starts while the brokers do not answer"],
    ...["permission on a topic taken away", "permission on a group taken away"],
    "permission on transactional ids taken away",
    ...["a topic's largest batch is made smaller", "the database's settings are unusual"],
    ...["a long writer", "a prepared transaction", "rebalance storm", "a partition increase"],
  ];
  const there = new Set(kinds.map(({ kind }) => kind));
  const promised = [...inTransactions, ...inside, ...ofProcesses, ...transactional, ...others];
  assertEquals(promised.filter((kind) => !there.has(kind)), []);
});

Deno.test("faults of requests that a protocol has not are not drawn for it", () => {
  const needing = new Set(kinds.filter((kind) => kind.needsProtocol1).map(({ kind }) => kind));
  assertGreater(needing.size, 8);
  for (const [, faults] of draw("five", { ...stage, transactionProtocol: 2 })) {
    assertEquals(faults.filter(({ kind }) => needing.has(kind)), []);
  }
});

Deno.test("faults that need three brokers are not drawn for one", () => {
  const needing = new Set(kinds.filter((kind) => kind.needsThreeBrokers).map(({ kind }) => kind));
  for (const [, faults] of draw("four")) {
    assertEquals(faults.filter(({ kind }) => needing.has(kind)), []);
  }
});
