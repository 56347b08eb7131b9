/** Dead letters as records: what their headers say, what goes back, how bytes are shown. */
import fc from "fast-check";
import { namesIn } from "../../src/engine/core/names.ts";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { type Header, type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { formatAddress, parseAddress } from "../../src/engine/dead_letters/dead_letter_address.ts";
import { briefBytes, describeBytes } from "../../src/engine/dead_letters/describe_bytes.ts";
import { parkedEntry, readParkedEntry } from "../../src/engine/dead_letters/parked_entry.ts";
import { originalHeaders, readDeadLetter } from "../../src/engine/dead_letters/read_dead_letter.ts";
import { redriveTarget, restoreRecord } from "../../src/engine/dead_letters/restore_record.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

const encoder = new TextEncoder();
const reason = { errorClass: "PoisonError", error: "no", attempts: 4, groupId: "onceflow.x" };

function failed(original: Partial<InputRecord> = {}): InputRecord {
  const record: InputRecord = {
    topic: "orders",
    partition: 3,
    offset: 42,
    timestamp: 1_700_000_000_000,
    key: encoder.encode("k"),
    value: encoder.encode("v"),
    headers: [],
    ...original,
  };
  const letter = deadLetter(record, reason, { topic: "orders.DLQ", partitionCount: 4 });
  return { ...letter, offset: 7, timestamp: 1_700_000_001_000 };
}

Deno.test("a dead letter says where it came from, why and after how many tries", () => {
  const { origin, errorClass, error, attempts, groupId, link } = readDeadLetter(failed());
  assertEquals(origin, { topic: "orders", partition: 3, offset: 42 });
  assertEquals([errorClass, error, attempts, groupId], ["PoisonError", "no", 4, "onceflow.x"]);
  assertEquals(link, undefined);
});

Deno.test("a dead letter of Spring Kafka is understood", () => {
  const { record, origin, errorClass } = readDeadLetter({
    ...failed(),
    headers: failed().headers.filter(([name]) => name.startsWith("kafka_dlt-")),
  });
  assertEquals([origin?.topic, origin?.partition, origin?.offset], ["orders", 3, 42]);
  assertEquals(errorClass, "PoisonError");
  assertEquals(originalHeaders(record.headers), []);
});

Deno.test("a record written by hand has no origin, and can go back only to a named topic", () => {
  const letter = readDeadLetter({ ...failed(), headers: [] });
  assertEquals(letter.origin, undefined);
  const target = redriveTarget(letter, undefined);
  assertStringIncludes("refused" in target ? target.refused : "", "--to TOPIC");
  assertEquals(redriveTarget(letter, "there"), { topic: "there" });
});

Deno.test("a dead letter of Kafka Connect is understood", () => {
  const connect = (name: string, text: string) => textHeader(`__connect.errors.${name}`, text);
  const letter = readDeadLetter({
    ...failed(),
    headers: [
      textHeader("its", "own"),
      connect("topic", "orders"),
      connect("partition", "2"),
      connect("offset", "17"),
      connect("connector.name", "sink"),
      connect("exception.class.name", "org.apache.kafka.connect.errors.DataException"),
      connect("exception.message", "no schema"),
    ],
  });
  const { origin, errorClass, error, groupId, missing } = letter;
  assertEquals(originalHeaders(letter.record.headers), [textHeader("its", "own")]);
  assertEquals(origin, { topic: "orders", partition: 2, offset: 17 });
  assertEquals([errorClass, error], [
    "org.apache.kafka.connect.errors.DataException",
    "no schema",
  ]);
  assertEquals([groupId, missing], ["sink", undefined]);
});

Deno.test("what is not whole is refused by name, also for another topic", () => {
  const value = new Uint8Array(10_000);
  const original = { ...failed(), topic: "orders", offset: 42, partition: 3, headers: [], value };
  const destination = { topic: "orders.DLQ", partitionCount: 4, recordBytesMax: 4_000 };
  const unread = { lastOffset: 44, records: 3, batchBytes: 900, reason: "too large" };
  const cut = deadLetter(original, reason, destination);
  const named = deadLetter({ ...original, key: null, value: null, unread }, reason, destination);
  for (const [letter, word] of [[cut, "cut: value"], [named, "3 record(s)"]] as const) {
    const read = readDeadLetter({ ...letter, offset: 7, timestamp: 1_700_000_001_000 });
    for (const to of [undefined, "elsewhere"]) {
      const target = redriveTarget(read, to);
      assertStringIncludes("refused" in target ? target.refused : "", word);
      assertStringIncludes("refused" in target ? target.refused : "", "orders-3 offset 42");
    }
  }
});

Deno.test("a record keeps its first timestamp, unless a broker might delete or refuse it for that", () => {
  const first = 1_700_000_000_000;
  const target = { topic: "orders", partitionCount: 4 };
  const back = (now: number, timestamp = first) =>
    restoreRecord(readDeadLetter(failed({ timestamp })), { ...target, now }).timestamp;
  assertEquals([back(first + 60_000), back(first + 25 * 3_600_000)], [first, undefined]);
  assertEquals(back(first, first + 3_600_000), undefined);
});

const bytes = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constant(null));
const names = fc.constantFrom(
  "a",
  "trace",
  "x-error",
  "x-original-topic",
  "kafka_dlt-original-topic",
  "x-truncated",
  "x-by-reference",
);
const headers = fc.array(fc.tuple(names, bytes), { maxLength: 6 });
const redrivenHeaders = [
  textHeader("x-redriven-for", "onceflow.x"),
  textHeader("x-redriven-from", "orders.DLQ/3/7"),
];

Deno.test("key, value and headers come back as they were, whatever the original's headers are called", () => {
  fc.assert(
    fc.property(bytes, bytes, headers, (key, value, given) => {
      const letter = readDeadLetter(failed({ key, value, headers: given }));
      const back = restoreRecord(letter, { topic: "orders", partitionCount: 4 });
      assertEquals([back.topic, back.partition, back.key, back.value], ["orders", 3, key, value]);
      assertEquals(letter.missing, undefined);
      assertEquals(back.headers, [...given, ...redrivenHeaders]);
    }),
  );
});

Deno.test("a second redrive replaces where the first one came from", () => {
  const once = [
    textHeader("a", "1"),
    textHeader("x-redriven-for", "onceflow.before"),
    textHeader("x-redriven-from", "orders.DLQ/0/1"),
  ];
  const target = { topic: "orders", partitionCount: 4 };
  const back = restoreRecord(readDeadLetter(failed({ headers: once })), target);
  assertEquals(back.headers, [textHeader("a", "1"), ...redrivenHeaders]);
});

Deno.test("another topic gets the record by its key, and nothing of the parked key's queue", () => {
  const parked: Header[] = [textHeader("x-parked", `${crypto.randomUUID()}/0`)];
  const letter = readDeadLetter(failed({ headers: parked, key: null }));
  const back = restoreRecord(letter, { topic: "elsewhere", partitionCount: 2 });
  assertEquals([back.partition, back.headers.map(([name]) => name)], [1, ["x-redriven-from"]]);
  const home = restoreRecord(letter, { topic: "orders", partitionCount: 4 });
  assertEquals(home.headers.map(([name]) => name), [
    "x-parked",
    "x-redriven-for",
    "x-redriven-from",
  ]);
});

Deno.test("addresses are PARTITION/OFFSET", () => {
  assertEquals(formatAddress(parseAddress("2/17")), "2/17");
  for (const wrong of ["2", "2/", "-1/2", "2/17/3", "a/b", ""]) {
    assertThrows(() => parseAddress(wrong), TypeError, "PARTITION/OFFSET");
  }
});

Deno.test("bytes are shown as JSON, text or hex, and never as control characters", () => {
  const kind = (text: string) => describeBytes(encoder.encode(text)).kind;
  assertEquals([kind('{"a":1}'), kind("hello"), kind("a\u001b[2Jb")], ["json", "text", "binary"]);
  assertEquals(describeBytes(Uint8Array.of(0xff, 0x41)).kind, "binary");
  assertEquals(describeBytes(null).kind, "null");
  // What parsing would change is shown as it is.
  const long = '{"amount":12345678901234567890}';
  assertEquals(describeBytes(encoder.encode(long)), { kind: "text", text: long });
  assertEquals(briefBytes(encoder.encode("a\u001bb\nc"), 10), "a\ufffdb c");
  assertEquals(briefBytes(encoder.encode("0123456789"), 5), "0123…");
});

Deno.test("a parked entry is read back as written, whatever bytes the key has", () => {
  const lane = { groupId: "onceflow.x", topic: "orders", partition: 12 };
  const queue = {
    queue: crypto.randomUUID(),
    length: 3,
    done: 1,
    since: 9,
    deadLetters: "orders.DLQ",
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (key) => {
      assertEquals(readParkedEntry(parkedEntry(namesIn(), lane, key, queue)), {
        ...lane,
        key,
        queue,
      });
      assertEquals(readParkedEntry(parkedEntry(namesIn(), lane, key, undefined)).queue, undefined);
    }),
  );
  assertThrows(() => readParkedEntry({ key: encoder.encode("a/b"), value: null }), Error);
});
