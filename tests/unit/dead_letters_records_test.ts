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
  const target = redriveTarget(letter);
  assertStringIncludes("refused" in target ? target.refused : "", "--to TOPIC");
  assertEquals(redriveTarget(letter, { to: "there" }), { topic: "there" });
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

const big = (bytes: number, value: number) => {
  const view = new DataView(new ArrayBuffer(bytes));
  if (bytes === 4) view.setInt32(0, value);
  else view.setBigInt64(0, BigInt(value));
  return new Uint8Array(view.buffer);
};

Deno.test("a dead letter of a Spring listener says why the listener failed, not that it did", () => {
  const stack = "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener\n" +
    "\tat a.B.c(B.java:1)\nCaused by: java.lang.IllegalStateException: x\n\t... 3 more\n" +
    "Caused by: shop.TaxException: no tax for 17\n\tat shop.Tax.of(Tax.java:9)\n";
  const spring = (prefix: string, stacktrace: string) =>
    readDeadLetter({
      ...failed(),
      headers: [
        textHeader("its", "own"),
        textHeader(`${prefix}original-topic`, "orders"),
        [`${prefix}original-partition`, big(4, 2)],
        [`${prefix}original-offset`, big(8, 2 ** 40)],
        [`${prefix}original-timestamp`, big(8, 1_700_000_000_000)],
        textHeader(`${prefix}original-timestamp-type`, "CreateTime"),
        textHeader(`${prefix}original-consumer-group`, "shop"),
        textHeader(`${prefix}exception-fqcn`, stack.split(":")[0] ?? ""),
        textHeader(`${prefix}exception-cause-fqcn`, "java.lang.IllegalStateException"),
        textHeader(`${prefix}exception-message`, "Listener failed"),
        textHeader(`${prefix}exception-stacktrace`, stacktrace),
        ["retry_topic-attempts", big(4, 4)],
        ["retry_topic-backoff-timestamp", big(8, 1)],
      ],
    });
  for (const prefix of ["kafka_dlt-", "kafka_"]) {
    const letter = spring(prefix, stack);
    assertEquals(letter.origin, { topic: "orders", partition: 2, offset: 2 ** 40 });
    assertEquals([letter.errorClass, letter.error], ["shop.TaxException", "no tax for 17"]);
    const { groupId, attempts, originalTimestamp } = letter;
    assertEquals([groupId, attempts, originalTimestamp], ["shop", 4, 1_700_000_000_000]);
    const { headers } = restoreRecord(letter, { topic: "orders", partitionCount: 4 });
    assertEquals(headers.filter(([name]) => !name.startsWith("x-redriven-")), [
      textHeader("its", "own"),
    ]);
  }
  const { errorClass, error } = spring("kafka_dlt-", "");
  assertEquals([errorClass, error], ["java.lang.IllegalStateException", "Listener failed"]);
});

Deno.test("a dead letter of Kafka Streams is understood", () => {
  const streams = (name: string, text: string) => textHeader(`__streams.errors.${name}`, text);
  const letter = readDeadLetter({
    ...failed(),
    headers: [
      streams("exception", "org.apache.kafka.streams.errors.StreamsException: no tax"),
      streams("message", "no tax"),
      streams("stacktrace", "..."),
      streams("topic", "orders"),
      streams("partition", "2"),
      streams("offset", "17"),
    ],
  });
  assertEquals(letter.origin, { topic: "orders", partition: 2, offset: 17 });
  assertEquals([letter.errorClass, letter.error], [
    "org.apache.kafka.streams.errors.StreamsException",
    "no tax",
  ]);
  assertEquals(originalHeaders(letter.record.headers), []);
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
      const target = redriveTarget(read, { to });
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
  textHeader("x-redriven-trips", "1"),
  textHeader("x-redriven-attempts", "4"),
  textHeader("x-redriven-first-origin", "orders/3/42"),
  textHeader("x-redriven-first-failed-at", "1700000001000"),
];
const tripNames = redrivenHeaders.slice(2).map(([name]) => name);

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
  // An earlier release counted no trips: this was one at least, and where it failed first is not known.
  assertEquals(back.headers, [
    textHeader("a", "1"),
    ...redrivenHeaders.slice(0, 2),
    textHeader("x-redriven-trips", "2"),
    textHeader("x-redriven-attempts", "5"),
  ]);
});

Deno.test("another topic gets the record by its key, and nothing of the parked key's queue", () => {
  const parked: Header[] = [textHeader("x-parked", `${crypto.randomUUID()}/0`)];
  const letter = readDeadLetter(failed({ headers: parked, key: null }));
  const back = restoreRecord(letter, { topic: "elsewhere", partitionCount: 2 });
  assertEquals([back.partition, back.headers.map(([name]) => name)], [1, [
    "x-redriven-from",
    ...tripNames,
  ]]);
  const home = restoreRecord(letter, { topic: "orders", partitionCount: 4 });
  assertEquals(home.headers.map(([name]) => name), [
    "x-parked",
    "x-redriven-for",
    "x-redriven-from",
    ...tripNames,
  ]);
});

Deno.test("each trip adds to the first failure, whatever was cut, and the eleventh stays at home", () => {
  let record = failed();
  for (let trip = 1; trip <= 11; trip++) {
    const letter = readDeadLetter(record);
    assertEquals([letter.trips, letter.attempts, letter.attemptsInAll], [trip, 4, 4 * trip]);
    assertEquals(letter.first, {
      origin: { topic: "orders", partition: 3, offset: 42 },
      failedAt: 1_700_000_001_000,
    });
    const target = redriveTarget(letter, { tripsMax: 10 });
    assertEquals("refused" in target, trip === 11);
    if ("refused" in target) assertStringIncludes(target.refused, `"deno task dlq redrive 3/7"`);
    const back = restoreRecord(letter, { topic: "orders", partitionCount: 4 });
    const { headers, key, value } = back;
    const place = { partition: 3, offset: 100 + trip, timestamp: 0 };
    const bytes = { key: encoder.encode(String(key)), value: encoder.encode(String(value)) };
    const again = { topic: "orders", ...place, ...bytes, headers };
    const destination = { topic: "orders.DLQ", partitionCount: 4 };
    record = { ...deadLetter(again, reason, destination), offset: 7, timestamp: Date.now() };
    const cut = { ...again, headers: [textHeader("long", "x".repeat(9_000)), ...headers] };
    const small = deadLetter(cut, reason, { ...destination, recordBytesMax: 6_000 });
    assertEquals(readDeadLetter({ ...small, offset: 7, timestamp: 0 }).trips, trip + 1);
  }
});

Deno.test("headers of these names that are no trips of ours count as none", () => {
  const headers = [
    textHeader("x-redriven-trips", "-1"),
    textHeader("x-redriven-first-origin", "a b/1/2"),
  ];
  const { trips, first, attemptsInAll } = readDeadLetter(failed({ headers }));
  assertEquals([trips, attemptsInAll, first.origin?.offset], [1, 4, 42]);
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
