/** Listing dead letters in bounded memory: windows, filters and order, over a log in memory. */
import { namesIn } from "../../src/engine/core/names.ts";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import type { InputRecord } from "../../src/engine/core/record.ts";
import { listDeadLetters } from "../../src/engine/dead_letters/list_dead_letters.ts";
import type { RecordLog } from "../../src/engine/dead_letters/record_log.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const encoder = new TextEncoder();

/** One partition of dead letters with every third offset missing, as the marks of transactions are. */
function logOf(count: number): { log: RecordLog; readFrom: number[] } {
  const records: InputRecord[] = Array.from({ length: count }, (_, index) => {
    const offset = index + Math.floor(index / 2);
    const original = {
      topic: index % 100 === 0 ? "rare" : "in",
      partition: 0,
      offset: index,
      timestamp: 0,
      key: encoder.encode(`k${index}`),
      value: null,
      headers: [],
    };
    const reason = { errorClass: "E", error: "", attempts: 1, groupId: "g" };
    const letter = deadLetter(original, reason, { topic: "d", partitionCount: 1 });
    return { ...letter, offset, timestamp: index };
  });
  const end = (records.at(-1)?.offset ?? -1) + 2;
  const readFrom: number[] = [];
  const none = { offset: -1, metadata: "" };
  const log: RecordLog = {
    names: namesIn(),
    partitionCount: (topic) => Promise.resolve(topic === "d" ? 1 : undefined),
    now: () => Promise.resolve(Date.now()),
    range: () => Promise.resolve({ start: 0, end }),
    highWatermark: () => Promise.resolve(end),
    committedOffset: () => Promise.resolve(none),
    openReader(place, fromOffset) {
      readFrom.push(fromOffset);
      let position = fromOffset;
      return Promise.resolve({
        ...place,
        get position() {
          return position;
        },
        seek: (offset: number) => void (position = offset),
        range: () => Promise.resolve({ start: 0, end }),
        next({ recordsMax }: { readonly recordsMax: number }) {
          const run = records.filter(({ offset }) => offset >= position).slice(0, recordsMax);
          position = run.length < recordsMax ? end : (run.at(-1)?.offset ?? 0) + 1;
          return Promise.resolve({ records: run, nextOffset: position });
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
  return { log, readFrom };
}

function storeOf(log: RecordLog) {
  const transactions = {
    open: () => Promise.reject(new Error("a list opens no transaction")),
    shutOut: () => Promise.reject(new Error("a list shuts nobody out")),
    stableOffset: () => Promise.reject(new Error("a list waits for no transaction")),
  };
  const transactionalIdsOf = () => Promise.resolve(["d/0"]);
  return { log, transactions, transactionalIdsOf, topic: "d", prepare: () => Promise.resolve() };
}

const offsets = (letters: readonly { record: InputRecord }[]) =>
  letters.map(({ record }) => record.timestamp);

Deno.test("the newest are found without reading the whole log", async () => {
  const { log, readFrom } = logOf(10_000);
  assertEquals(offsets(await listDeadLetters(storeOf(log), { limit: 3 })), [9_999, 9_998, 9_997]);
  assertEquals(readFrom.length, 1);
  assertEquals((readFrom[0] ?? 0) > 12_000, true);
});

Deno.test("rare ones are looked for in larger and larger windows, back to the start", async () => {
  const { log } = logOf(10_000);
  const found = await listDeadLetters(storeOf(log), { limit: 1_000, topic: "rare" });
  assertEquals(found.length, 100);
  assertEquals([offsets(found)[0], offsets(found)[99]], [9_900, 0]);
});

Deno.test("the oldest come first when asked for", async () => {
  const { log } = logOf(5_000);
  const options = { limit: 3, topic: "rare", order: "oldest" } as const;
  assertEquals(offsets(await listDeadLetters(storeOf(log), options)), [0, 100, 200]);
});

Deno.test("an empty topic has none, and a missing one says so", async () => {
  const { log } = logOf(0);
  assertEquals(await listDeadLetters(storeOf(log), { limit: 3 }), []);
  const missing = { ...storeOf(log), topic: "nothing" };
  await assertRejects(() => listDeadLetters(missing, { limit: 3 }), Error, "does not exist");
});
