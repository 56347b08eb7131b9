import { HaltError } from "../../src/engine/core/errors.ts";
import type { Assignment } from "../../src/engine/core/ports.ts";
import { startOffset } from "../../src/engine/core/start_offset.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

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

const startAt = (offset: number, known = -1) =>
  startOffset(assignment, { start: { offset, metadata: "" } }, known);

Deno.test("a session starts at the committed offset", async () => {
  assertEquals(await startAt(15), 15);
  assertEquals(await startAt(20, 15), 20);
});

Deno.test("a group that never committed starts at the start of the log", async () => {
  assertEquals(await startAt(-1), 10);
});

Deno.test("a group's first start on a log whose beginning was deleted says what is not there, once", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  try {
    const lane = { ...assignment };
    for (let session = 0; session < 3; session++) {
      await startOffset(lane, { start: { offset: -1, metadata: "" } }, -1);
    }
    await startOffset({ ...assignment }, { start: { offset: 15, metadata: "" } }, -1);
    const range = () => Promise.resolve({ start: 0, end: 20 });
    const whole = { ...assignment, reader: { ...assignment.reader, range } };
    await startOffset(whole, { start: { offset: -1, metadata: "" } }, -1);
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0] ?? "", "t-0 begins at offset 10: the 10 offsets before it are");
  assertStringIncludes(lines[0] ?? "", "WRN");
});

Deno.test("row 10: an offset that was there and is gone halts, and is not taken for a new group's", async () => {
  const halt = await assertRejects(() => startAt(-1, 15), HaltError, "worker offsets");
  assertStringIncludes(halt.message, "had committed offset 15 and now has none");
});

Deno.test("row 10: an offset below the log halts and counts what was deleted unread", async () => {
  await assertRejects(() => startAt(7), HaltError, "3 records were deleted unread");
});

const checkpoint = { topicId: "topic-1", offset: 15 };

Deno.test("a group that lost its offset while no worker ran halts, and is not taken for a new one", async () => {
  const session = { start: { offset: -1, metadata: "" }, topicId: "topic-1", checkpoint };
  const halt = await assertRejects(() => startOffset(assignment, session, -1), HaltError);
  assertStringIncludes(halt.message, "had committed an offset and now has none");
  assertStringIncludes(halt.message, "By a note of its own group had come to offset 15 here");
});

Deno.test("a topic that was deleted and recreated halts, whether the offset went with it or not", async () => {
  const again = [
    { start: { offset: -1, metadata: "" }, topicId: "topic-2", checkpoint },
    { start: { offset: 15, metadata: "topic_id=topic-1" }, topicId: "topic-2" },
  ];
  for (const session of again) {
    const halt = await assertRejects(() => startOffset(assignment, session, -1), HaltError);
    assertStringIncludes(halt.message, "recreated");
    // Without the topic "show" has nothing to show: Kafka has deleted the offsets with it.
    assertStringIncludes(halt.message, "offsets show --group group --topic t");
    assertStringIncludes(
      halt.message,
      '--partition 0 --to OFFSET"; likewise each of its partitions',
    );
  }
});

Deno.test("an offset that another consumer or a tool has committed halts", async () => {
  for (const metadata of ["", "somebody's"]) {
    const foreign = { start: { offset: 15, metadata }, topicId: "topic-2" };
    const halt = await assertRejects(() => startOffset(assignment, foreign, -1), HaltError);
    assertStringIncludes(halt.message, "stands at offset 15, and no worker of onceflow");
    assertStringIncludes(halt.message, "--group group --topic t --partition 0 --to");
    assertEquals(halt.message.includes("note of its own"), false);
    const noted = { ...foreign, checkpoint: { topicId: "topic-2", offset: 12 } };
    const { message } = await assertRejects(() => startOffset(assignment, noted, -1), HaltError);
    assertStringIncludes(message, "had come to offset 12 here");
  }
});

Deno.test("where the cluster gives topics no identity an offset is taken at its word", async () => {
  const older = { start: { offset: 15, metadata: "topic_id=topic-1" } };
  assertEquals(await startOffset(assignment, older, -1), 15);
});

Deno.test("an offset of another log halts, and says what is different", async () => {
  const asked: string[] = [];
  const reader = {
    ...assignment.reader,
    divergence(mark: string) {
      asked.push(mark);
      return Promise.resolve(mark === "4:14" ? undefined : "it is another one");
    },
  };
  const at = (metadata: string) =>
    startOffset({ ...assignment, reader }, { start: { offset: 15, metadata }, topicId: "a" }, -1);
  assertEquals(await at("mark=4:14 topic_id=a"), 15);
  assertEquals(await at("topic_id=a"), 15);
  await assertRejects(() => at("mark=5:14 topic_id=a"), HaltError, "it is another one");
  assertEquals(asked, ["4:14", "5:14"]);
});

Deno.test("a group whose name a shell would take apart is quoted in what is to be typed", async () => {
  const named = { ...assignment, groupId: "it's ours" };
  const foreign = { start: { offset: 15, metadata: "" }, topicId: "id" };
  const halt = await assertRejects(() => startOffset(named, foreign, -1), HaltError);
  assertStringIncludes(halt.message, String.raw`offsets set --group 'it'\''s ours' --topic t`);
});
