import { HaltError } from "../../src/engine/core/errors.ts";
import { type FirstStart, laneStart } from "../../src/engine/core/first_start.ts";
import { defineFlow, type FlowOptions, inNamespace } from "../../src/engine/core/flow.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { textTopic } from "../../src/engine/core/plain_topics.ts";
import type { Assignment } from "../../src/engine/core/ports.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import {
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../support/assert.ts";

/** A lane of a partition whose log holds the offsets 10 to 20. */
const assignment: Assignment = {
  groupId: "group",
  reader: {
    topic: "t",
    partition: 0,
    position: 0,
    seek: () => {},
    next: () => Promise.reject(new Error("nothing is read")),
    range: () => Promise.resolve({ start: 10, end: 20 }),
  },
  signal: new AbortController().signal,
  stillOwned: () => Promise.resolve(true),
  commitOffset: () => Promise.resolve(),
  committedOffset: () => Promise.resolve({ offset: -1, metadata: "" }),
};
const none = { start: { offset: -1, metadata: "" }, topicId: "id" };
const foreign = { start: { offset: 15, metadata: "somebody's" }, topicId: "id" };
const checkpoint = { topicId: "id", offset: 15 };
const latest: FirstStart = { choose: () => Promise.resolve({ offset: 20, records: [] }) };
const takeOver: FirstStart = { takeOver: true };

Deno.test("a chosen start is to be committed; the earliest, and one that is committed, are not", async () => {
  assertEquals(await laneStart(assignment, none, -1, latest), { offset: 20, first: [] });
  assertEquals(await laneStart(assignment, none, -1), { offset: 10 });
  const own = { start: { offset: 12, metadata: "topic_id=id" }, topicId: "id", checkpoint };
  assertEquals(await laneStart(assignment, own, -1, { ...latest, ...takeOver }), { offset: 12 });
});

Deno.test("a lane that has worked chooses no start: its offset is lost, and it halts", async () => {
  await assertRejects(() => laneStart(assignment, none, 15, latest), HaltError, "now has none");
  const noted = { ...none, checkpoint };
  await assertRejects(() => laneStart(assignment, noted, -1, latest), HaltError, "now has none");
});

Deno.test("another consumer's offset is taken over at the first start, is said, and never after it", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const taken = await laneStart(assignment, foreign, -1, takeOver);
    assertEquals(taken, { offset: 15, first: [] });
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertStringIncludes(lines.join(), "t-0: group group takes over at offset 15");
  const halts = [
    () => laneStart(assignment, foreign, -1, latest),
    () => laneStart(assignment, foreign, 15, takeOver),
    () => laneStart(assignment, { ...foreign, checkpoint }, -1, takeOver),
  ];
  for (const halt of halts) await assertRejects(halt, HaltError, "no worker of onceflow");
  const low = { ...foreign, start: { ...foreign.start, offset: 7 } };
  const trimmed = () => laneStart(assignment, low, -1, takeOver);
  await assertRejects(trimmed, HaltError, "3 records were deleted unread");
});

const flowWith = (options: Partial<FlowOptions<string>>) =>
  defineFlow({ name: "f", from: textTopic("in"), to: [], transform: () => {}, ...options });

Deno.test("a group that was named is the same in every namespace", () => {
  const staging = namesIn("staging");
  assertEquals(inNamespace(flowWith({ groupId: "onceflow.f" }), staging).groupId, "onceflow.f");
  assertEquals(inNamespace(flowWith({}), staging).groupId, "staging.f");
  for (const groupId of ["", "a/b", "a\nb", "x".repeat(201)]) {
    assertThrows(() => flowWith({ groupId }), TypeError, "its groupId");
  }
  const never = { timestamp: new Date(NaN) };
  assertThrows(() => flowWith({ startFrom: never }), TypeError, "no time");
});
