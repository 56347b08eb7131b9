import fc from "fast-check";
import {
  assignPartitions,
  assignTogether,
  type GroupCandidate,
} from "../../src/engine/kafka/assign_partitions.ts";
import { assert, assertEquals } from "../support/assert.ts";

const names = (assignments: ReturnType<typeof assignPartitions>, memberId: string) =>
  (assignments.get(memberId) ?? []).map(({ topic, partition }) => `${topic}-${partition}`).sort();

function candidate(memberId: string, topics: string[], owned: string[] = [], generation = 1) {
  return {
    ...{ memberId, topics, generation },
    owned: owned.map((name) => {
      const [topic = "", partition] = name.split("-");
      return { topic, partition: Number(partition) };
    }),
  };
}

Deno.test("members of one group that read different topics get their own topics and no others", () => {
  const counts = new Map([["a", 2], ["b", 3]]);
  const found = assignPartitions([candidate("m1", ["a"]), candidate("m2", ["b"])], counts);
  assertEquals(names(found, "m1"), ["a-0", "a-1"]);
  assertEquals(names(found, "m2"), ["b-0", "b-1", "b-2"]);
});

Deno.test("a member that comes takes its share, and the others keep the rest of what they had", () => {
  const counts = new Map([["a", 4]]);
  const found = assignPartitions(
    [candidate("m1", ["a"], ["a-0", "a-1", "a-2", "a-3"]), candidate("m0", ["a"], [], -1)],
    counts,
  );
  assertEquals(names(found, "m1"), ["a-0", "a-1"]);
  assertEquals(names(found, "m0"), ["a-2", "a-3"]);
});

Deno.test("of two that claim a partition, the one of the later generation keeps it", () => {
  const counts = new Map([["a", 2]]);
  const found = assignPartitions(
    [candidate("late", ["a"], ["a-0"], 7), candidate("early", ["a"], ["a-0"], 6)],
    counts,
  );
  assertEquals(names(found, "late"), ["a-0"]);
  assertEquals(names(found, "early"), ["a-1"]);
});

const topics = ["a", "b", "c"];
const someGroup = fc.record({
  counts: fc.array(fc.nat(6), { minLength: 3, maxLength: 3 }),
  members: fc.array(
    fc.record({
      topics: fc.subarray(topics, { minLength: 1 }),
      owned: fc.array(fc.tuple(fc.constantFrom(...topics), fc.nat(7)), { maxLength: 8 }),
      generation: fc.nat(3),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

Deno.test("whatever members claim, each partition has one owner that subscribes to it, and shares are even", () => {
  fc.assert(fc.property(someGroup, ({ counts, members }) => {
    const countOf = new Map(topics.map((topic, i) => [topic, counts[i] ?? 0]));
    const candidates = members.map(({ topics, owned, generation }, i): GroupCandidate => ({
      memberId: `m${i}`,
      ...{ topics, generation },
      owned: owned.map(([topic, partition]) => ({ topic, partition })),
    }));
    const found = assignPartitions(candidates, countOf);
    const all = candidates.flatMap(({ memberId }) => names(found, memberId));
    assertEquals(new Set(all).size, all.length);
    for (const [topic, count] of countOf) {
      const wanted = candidates.some((one) => one.topics.includes(topic)) ? count : 0;
      assertEquals(all.filter((name) => name.startsWith(`${topic}-`)).length, wanted);
    }
    for (const { memberId, topics } of candidates) {
      for (const { topic } of found.get(memberId) ?? []) assert(topics.includes(topic));
    }
    if (candidates.every((one) => one.topics.length === topics.length)) {
      const sizes = candidates.map(({ memberId }) => found.get(memberId)?.length ?? 0);
      assert(Math.max(...sizes) - Math.min(...sizes) <= 1, `shares ${sizes}`);
    }
  }));
});

Deno.test("who assigns again what was assigned changes nothing", () => {
  fc.assert(fc.property(someGroup, ({ counts, members }) => {
    const countOf = new Map(topics.map((topic, i) => [topic, counts[i] ?? 0]));
    const candidates = members.map((_, i): GroupCandidate => ({
      memberId: `m${i}`,
      topics,
      generation: 1,
      owned: [],
    }));
    const first = assignPartitions(candidates, countOf);
    const again = assignPartitions(
      candidates.map((one) => ({ ...one, owned: first.get(one.memberId) ?? [] })),
      countOf,
    );
    for (const { memberId } of candidates) {
      assertEquals(names(again, memberId), names(first, memberId));
    }
  }));
});

Deno.test("inputs that share state go together by partition, and stay where they are", () => {
  const counts = new Map([["a", 4], ["b", 4]]);
  const first = assignTogether([candidate("m1", ["a", "b"])], counts);
  assertEquals(names(first, "m1").length, 8);
  const second = assignTogether([
    candidate("m1", ["a", "b"], names(first, "m1")),
    candidate("m2", ["a", "b"], [], -1),
  ], counts);
  assertEquals(names(second, "m1"), ["a-0", "a-1", "b-0", "b-1"]);
  assertEquals(names(second, "m2"), ["a-2", "a-3", "b-2", "b-3"]);
});
