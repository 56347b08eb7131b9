/** What is held back keeps its order and is published once, whatever stands in the way of what, and for how long. */
import fc from "fast-check";
import { partitionForKey } from "../../src/engine/core/partition_for_key.ts";
import {
  type Hold,
  publishedBelow,
  readHolds,
  releaseFrom,
  sortOut,
  writeHolds,
} from "../../src/engine/outbox/holds.ts";
import { assert, assertEquals } from "../support/assert.ts";

interface Row {
  readonly position: number;
  readonly topic: string;
  readonly key: string;
  readonly isLarge: boolean;
}

const limit = 3;

/** A relay over an outbox in memory. A session keeps nothing but the cursor and its metadata. */
class Relay {
  after = 0;
  metadata = "[]";
  readonly log: Row[] = [];
  readonly missing = new Set<string>();
  takesLarge = false;
  partitions = 2;
  readonly leaderless = new Set<number>();

  constructor(readonly rows: readonly Row[]) {}

  obstacle = ({ topic, key, isLarge }: Row) => {
    if (this.missing.has(topic)) return { wholeTopic: true, reason: "missing" };
    const partition = { partition: partitionForKey(key, this.partitions), count: this.partitions };
    if (this.leaderless.has(partition.partition)) {
      return { wholeTopic: false, partition, reason: "no leader" };
    }
    return isLarge && !this.takesLarge ? { wholeTopic: false, reason: "large" } : undefined;
  };

  get holds(): readonly Hold[] {
    const holds = readHolds(JSON.parse(this.metadata));
    assert(holds);
    return holds;
  }

  #commit(published: readonly Row[], holds: readonly Hold[]) {
    this.log.push(...published);
    this.metadata = JSON.stringify(writeHolds(holds));
    assert(this.metadata.length <= 3_000, "it fits the offset's metadata");
  }

  publish(upTo: number) {
    const next = this.rows.filter(({ position }) => position > this.after && position <= upTo)
      .slice(0, limit);
    const { published, holds, stoppedAt } = sortOut(next, this.holds, this.obstacle);
    const passed = stoppedAt ? next.indexOf(stoppedAt) : next.length;
    this.#commit(published, holds);
    this.after = next[passed - 1]?.position ?? this.after;
    return passed;
  }

  release() {
    let holds = this.holds;
    let steps = 0;
    for (let at = 0; at < holds.length;) {
      assert(++steps < 1_000, "it comes to an end");
      const hold = holds[at] as Hold;
      const all = this.rows.filter(({ position, topic, key }) =>
        position > hold.after && position <= this.after && topic === hold.topic &&
        key === (hold.key ?? key)
      );
      const standing = { holds, more: all.length > limit };
      const waits = hold.partition && this.leaderless.has(hold.partition.partition);
      const released = this.missing.has(hold.topic) || waits
        ? undefined
        : releaseFrom(hold, all.slice(0, limit), standing, this.obstacle);
      if (!released) {
        at++;
        continue;
      }
      this.#commit(released.published, released.holds);
      holds = released.holds;
    }
  }
}

const rowsOf = (longKeys: boolean) =>
  fc.array(
    fc.record({
      topic: fc.constantFrom("a", "b"),
      key: fc.constantFrom(..."klmno").map((key) => longKeys ? key.repeat(900) : key),
      isLarge: fc.boolean(),
    }),
    { maxLength: 40 },
  ).map((rows) => rows.map((row, index): Row => ({ ...row, position: 2 * index + 1 })));

const events = fc.array(
  fc.oneof(
    fc.constantFrom("publish", "publish", "release", "large", "small"),
    fc.constantFrom("lose a", "lose b", "find a", "find b"),
    fc.constantFrom("down 0", "down 1", "up 0", "up 1", "grow"),
  ),
  { maxLength: 60 },
);

for (const longKeys of [false, true]) {
  Deno.test(`every row once and in its order, with keys that are ${longKeys ? "long" : "short"}`, () => {
    fc.assert(fc.property(rowsOf(longKeys), events, (rows, drawn) => {
      const relay = new Relay(rows);
      for (const event of drawn) {
        if (event === "publish") relay.publish(Infinity);
        else if (event === "release") relay.release();
        else if (event === "large" || event === "small") relay.takesLarge = event === "large";
        else if (event.startsWith("lose")) relay.missing.add(event.slice(5));
        else if (event.startsWith("find")) relay.missing.delete(event.slice(5));
        else if (event.startsWith("down")) relay.leaderless.add(Number(event.slice(5)));
        else if (event.startsWith("up")) relay.leaderless.delete(Number(event.slice(3)));
        else relay.partitions = 3;
        const kept = publishedBelow(relay.after, relay.holds);
        const gone = rows.filter(({ position }) => position < kept);
        assert(gone.every((row) => relay.log.includes(row)), "what may be deleted is published");
      }
      relay.missing.clear();
      relay.leaderless.clear();
      relay.takesLarge = true;
      relay.release();
      while (relay.publish(Infinity) > 0) relay.release();
      assertEquals(relay.holds, []);
      assertEquals(relay.log.length, rows.length);
      assertEquals(new Set(relay.log).size, rows.length);
      for (const [name, own] of Map.groupBy(relay.log, ({ topic, key }) => `${topic} ${key}`)) {
        const positions = own.map(({ position }) => position);
        assertEquals(positions, positions.toSorted((a, b) => a - b), name);
      }
    }));
  });
}

Deno.test("a missing topic and a row that is too large hold nothing else back", () => {
  const row = (position: number, topic: string, key: string, isLarge = false) => ({
    ...{ position, topic, key, isLarge },
  });
  const relay = new Relay([
    row(1, "gone", "k"),
    row(2, "a", "k", true),
    row(3, "a", "l"),
    row(4, "a", "k"),
    row(5, "b", "k"),
  ]);
  relay.missing.add("gone");
  while (relay.publish(Infinity) > 0);
  assertEquals(relay.log.map(({ position }) => position), [3, 5]);
  assertEquals(relay.after, 5);
  assertEquals(relay.holds, [{ topic: "gone", after: 0 }, { topic: "a", after: 1, key: "k" }]);
});

Deno.test("a partition without a leader holds back its own keys, and more partitions change nothing about them", () => {
  const keys = [..."klmno"];
  const below = keys.filter((key) => partitionForKey(key, 2) === 1);
  assert(below.length > 0 && below.length < keys.length);
  const relay = new Relay(
    [...keys, ...keys].map((key, at) => ({ position: at + 1, topic: "a", key, isLarge: false })),
  );
  relay.leaderless.add(1);
  while (relay.publish(5) > 0);
  relay.leaderless.clear();
  relay.partitions = 3;
  while (relay.publish(Infinity) > 0);
  assertEquals(relay.log.filter(({ key }) => below.includes(key)), []);
  assertEquals(relay.log.length, 2 * (keys.length - below.length));
  relay.release();
  assertEquals(relay.log.slice(-2 * below.length).map(({ key }) => key), [...below, ...below]);
  assertEquals(relay.holds, []);
});

Deno.test("metadata that is no list of holds is told from one", () => {
  for (const part of [null, {}, "x", [1], [["a"]], [["a", "1"]], [["a", 1, 2]], [["a", 1, 2, 2]]]) {
    assertEquals(readHolds(part), undefined);
  }
});
