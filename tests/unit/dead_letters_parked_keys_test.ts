/** Parked keys: order per key through dead letters, redrives in any order, new arrivals and crashes. */
import fc from "fast-check";
import { z } from "zod";
import { HaltError, PoisonError } from "../../src/engine/core/errors.ts";
import { defineFlow } from "../../src/engine/core/flow.ts";
import { namesIn } from "../../src/engine/core/names.ts";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { keyName } from "../../src/engine/core/key_table.ts";
import type { Planned } from "../../src/engine/core/planned.ts";
import { topic } from "../../src/engine/core/topic_contract.ts";
import { type Header, type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { type ParkedQueue, readParkedEntry } from "../../src/engine/dead_letters/parked_entry.ts";
import { parkedErrorClass, parkedKeys } from "../../src/engine/dead_letters/parked_keys.ts";
import { parkedSkipHeader } from "../../src/engine/dead_letters/parked_link.ts";
import { readDeadLetter } from "../../src/engine/dead_letters/read_dead_letter.ts";
import { restoreRecord } from "../../src/engine/dead_letters/restore_record.ts";
import { memoryLog } from "../../src/engine/testing/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

const lane = {
  groupId: "onceflow.test",
  topic: "in",
  partition: 0,
  deadLetters: "in.DLQ",
  names: namesIn(),
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function bytes(value: string | Uint8Array | null): Uint8Array | null {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** A partition, its lane and its dead letters in memory. Values name records; a value in `bad` fails. */
class World {
  readonly input: InputRecord[] = [];
  readonly deadLetters: { readonly record: InputRecord; redriven: boolean }[] = [];
  readonly processed: string[] = [];
  readonly bad = new Set<string>();
  readonly stored = new Map<string, ParkedQueue>();
  position = 0;

  arrive(key: string | null, value: string, headers: readonly Header[] = []): void {
    this.input.push({
      topic: "in",
      partition: 0,
      offset: this.input.length,
      timestamp: 0,
      key: key === null ? null : encoder.encode(key),
      value: encoder.encode(value),
      headers,
    });
  }

  /** One transaction over the next records; without `commit` it is lost in a crash. */
  work(count: number, commit = true): void {
    const run = this.input.slice(this.position, this.position + count);
    const plan = parkedKeys(lane, new Map(this.stored)).plan();
    const processed: string[] = [];
    const failed: InputRecord[] = [];
    for (const record of run) {
      const planned = plan.guard(record, () => this.#transform(record, processed));
      assert(!(planned instanceof Promise));
      if (planned.kind === "dead-letter") {
        const { offset } = { offset: this.deadLetters.length + failed.length };
        const target = { topic: "in.DLQ", partitionCount: 1 };
        const output = deadLetter(plan.numbered(record), planned.reason, target);
        failed.push({ ...output, offset, timestamp: 0 });
      }
    }
    if (!commit) return;
    for (const entry of plan.entries()) {
      const { key, queue } = readParkedEntry({ key: bytes(entry.key), value: bytes(entry.value) });
      if (queue) this.stored.set(keyName(key), queue);
      else this.stored.delete(keyName(key));
    }
    this.processed.push(...processed);
    this.deadLetters.push(...failed.map((record) => ({ record, redriven: false })));
    this.position += run.length;
  }

  redrive(choose: (value: string) => boolean = () => true, skip = false): number {
    let count = 0;
    for (const letter of this.deadLetters) {
      const value = decoder.decode(letter.record.value ?? undefined);
      if (letter.redriven || !choose(value)) continue;
      letter.redriven = true;
      count++;
      const target = { topic: "in", partitionCount: 1, skip };
      const { headers } = restoreRecord(readDeadLetter(letter.record), target);
      const { key } = letter.record;
      this.arrive(key && decoder.decode(key), value, headers);
    }
    return count;
  }

  drain(): void {
    for (let round = 0; round < 200; round++) {
      this.work(this.input.length);
      if (this.redrive() === 0) return;
    }
    throw new Error("the queue of a parked key never empties");
  }

  #transform(record: InputRecord, processed: string[]): Planned {
    const value = decoder.decode(record.value ?? undefined);
    if (this.bad.has(value)) {
      const reason = { errorClass: "PoisonError", error: "bad", attempts: 1, groupId: "g" };
      return { kind: "dead-letter", reason };
    }
    processed.push(value);
    return { kind: "emit", emissions: [] };
  }
}

Deno.test("later records of a key follow its dead letter, those of other keys pass", () => {
  const world = new World();
  world.bad.add("a1");
  for (const value of ["a0", "a1", "b0", "a2"]) world.arrive(value.slice(0, 1), value);
  world.work(10);
  assertEquals(world.processed, ["a0", "b0"]);
  const letters = world.deadLetters.map(({ record }) => readDeadLetter(record));
  assertEquals(letters.map(({ errorClass }) => errorClass), ["PoisonError", parkedErrorClass]);
  assertEquals(letters.map(({ link }) => link?.number), [0, 1]);
});

Deno.test("a record that arrives during a redrive waits behind the parked ones", () => {
  const world = new World();
  world.bad.add("a1");
  for (const value of ["a1", "a2"]) world.arrive("a", value);
  world.work(10);
  world.bad.clear();
  world.arrive("a", "a3");
  world.redrive();
  world.arrive("a", "a4");
  world.work(10);
  assertEquals(world.processed, ["a1", "a2"]);
  world.drain();
  assertEquals(world.processed, ["a1", "a2", "a3", "a4"]);
  assertEquals(world.stored.size, 0);
});

Deno.test("a record that fails again keeps its place, and nothing passes it", () => {
  const world = new World();
  world.bad.add("a1");
  for (const value of ["a1", "a2", "a3"]) world.arrive("a", value);
  world.work(10);
  world.redrive();
  world.work(10);
  assertEquals(world.processed, []);
  world.bad.clear();
  world.drain();
  assertEquals(world.processed, ["a1", "a2", "a3"]);
});

Deno.test("a record without a key is never parked", () => {
  const world = new World();
  world.bad.add("1");
  for (const value of ["1", "2"]) world.arrive(null, value);
  world.work(10);
  assertEquals(world.processed, ["2"]);
  assertEquals(world.stored.size, 0);
});

Deno.test("a head that is skipped lets the others go on", () => {
  const world = new World();
  world.bad.add("a1");
  for (const value of ["a1", "a2"]) world.arrive("a", value);
  world.work(10);
  world.redrive((value) => value === "a1", true);
  world.work(10);
  world.drain();
  assertEquals(world.processed, ["a2"]);
  assertEquals(world.stored.size, 0);
});

Deno.test("a skip out of turn is no skip", () => {
  const world = new World();
  world.bad.add("a1");
  for (const value of ["a1", "a2"]) world.arrive("a", value);
  world.work(10);
  world.redrive((value) => value === "a2", true);
  world.work(10);
  world.bad.clear();
  world.drain();
  assertEquals(world.processed, ["a1", "a2"]);
});

Deno.test("a forged or foreign number changes nothing for a free key", () => {
  const world = new World();
  const forged = [textHeader("x-parked", `${crypto.randomUUID()}/0`)];
  world.arrive("a", "a1", [...forged, textHeader(parkedSkipHeader, "true")]);
  world.work(1);
  assertEquals(world.processed, ["a1"]);
});

const keys = ["a", "b"] as const;
const step = fc.oneof(
  fc.record({ do: fc.constant("arrive"), key: fc.constantFrom(...keys), bad: fc.boolean() }),
  fc.record({
    do: fc.constant("work"),
    count: fc.integer({ min: 1, max: 5 }),
    commit: fc.boolean(),
  }),
  fc.record({ do: fc.constant("redrive"), mask: fc.integer({ min: 1, max: 7 }) }),
  fc.record({ do: fc.constant("mend"), mask: fc.integer({ min: 1, max: 7 }) }),
);

Deno.test("each key's records succeed once each in their order, whatever happens in between", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      const arrived: string[] = [];
      for (const move of steps) {
        if ("key" in move) {
          const value = `${move.key}${arrived.length}`;
          arrived.push(value);
          if (move.bad) world.bad.add(value);
          world.arrive(move.key, value);
        } else if ("count" in move) {
          world.work(move.count, move.commit);
        } else {
          const chosen = (value: string) => Number(value.slice(1)) % 3 + 1 & move.mask;
          if (move.do === "redrive") world.redrive((value) => chosen(value) !== 0);
          else for (const value of world.bad) if (chosen(value)) world.bad.delete(value);
        }
      }
      world.bad.clear();
      world.drain();
      for (const key of keys) {
        const ofKey = (value: string) => value.startsWith(key);
        assertEquals(world.processed.filter(ofKey), arrived.filter(ofKey));
      }
      assertEquals(world.stored.size, 0);
    }),
    { numRuns: 2_000, seed: 4 },
  );
});

Deno.test("a flow whose keys wait in other dead letters halts, and goes on with those", async () => {
  const read = z.string();
  const words = topic("words", { read, key: () => "k" });
  const broken = new Set(["one"]);
  const reading = (deadLetters?: string) =>
    defineFlow({
      ...{ name: "reading", from: words, to: [], park: "key" as const, deadLetters },
      transform(word) {
        if (broken.has(word)) throw new PoisonError("not yet");
      },
    });
  const log = memoryLog().append(words, "one", "two");
  const before = reading("words.DLQ");
  await log.run(before);
  assertEquals(log.deadLetters(before).length, 2);
  log.append(words, "three");
  const said = 'Name deadLetters: "words.DLQ" in the flow';
  await assertRejects(() => log.run(reading()), HaltError, said);

  await log.run(before);
  broken.clear();
  await log.redrive(before);
  await log.run(before);
  await log.run(reading());
});
