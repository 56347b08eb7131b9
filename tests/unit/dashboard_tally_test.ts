import { createDeadLetterTally } from "../../src/app/dashboard/dead_letter_tally.ts";
import { type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { assertEquals } from "../support/assert.ts";

const signal = new AbortController().signal;

/** A partition that is read in runs of so many, and counts how often it was opened. */
function log(records: readonly InputRecord[], perRun = 2) {
  const opened: number[] = [];
  return {
    opened,
    open: (_partition: unknown, from: number) => {
      opened.push(from);
      let position = from;
      return Promise.resolve({
        topic: "orders.DLQ",
        partition: 0,
        get position() {
          return position;
        },
        seek: (offset: number) => void (position = offset),
        next: () => {
          const found = records.slice(position, position + perRun);
          position += found.length;
          return Promise.resolve({ records: found, nextOffset: position });
        },
        range: () => Promise.resolve({ start: 0, end: records.length }),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
}

function letter(offset: number, errorClass: string): InputRecord {
  return {
    topic: "orders.DLQ",
    partition: 0,
    offset,
    timestamp: offset * 1_000,
    key: new TextEncoder().encode(`order-${offset}`),
    value: null,
    headers: [textHeader("x-error-class", errorClass), textHeader("x-error", "no rate")],
  };
}

const range = (end: number, start = 0) => [{ topic: "orders.DLQ", partition: 0, start, end }];

Deno.test("each dead letter is read and counted once", async () => {
  const records = Array.from(
    { length: 9 },
    (_, offset) => letter(offset, offset % 3 === 0 ? "TransientError" : "PoisonError"),
  );
  const { open, opened } = log(records);
  const tally = createDeadLetterTally(open);
  const first = await tally.readTo(range(4), signal);
  assertEquals(first.records, 4);
  const all = await tally.readTo(range(9), signal);
  assertEquals(all.records, 9);
  assertEquals(
    all.by_cause.map(({ error_class, reason, records, samples }) => [
      ...[error_class, reason, records, samples],
    ]),
    [
      ["PoisonError", "no rate", 6, ["0/8", "0/7", "0/5"]],
      ["TransientError", "no rate", 3, ["0/6", "0/3", "0/0"]],
    ],
  );
  assertEquals(all.by_class, [
    { error_class: "PoisonError", records: 6 },
    { error_class: "TransientError", records: 3 },
  ]);
  assertEquals(all.latest.map(({ key }) => key), [8, 7, 6, 5, 4, 3].map((n) => `order-${n}`));
  assertEquals(all.unread, 0);
  assertEquals(opened, [0, 4]);
});

Deno.test("nothing is opened while no dead letter is added", async () => {
  const { open, opened } = log([letter(0, "PoisonError")]);
  const tally = createDeadLetterTally(open);
  await tally.readTo(range(1), signal);
  await tally.readTo(range(1), signal);
  assertEquals(opened, [0]);
});

Deno.test("a long backlog is read in parts, and the rest is said", async () => {
  const { open } = log(Array.from({ length: 6_000 }, (_, at) => letter(at, "PoisonError")), 1_000);
  const tally = createDeadLetterTally(open);
  const part = await tally.readTo(range(6_000), signal);
  assertEquals([part.records, part.unread], [5_000, 1_000]);
  const rest = await tally.readTo(range(6_000), signal);
  assertEquals([rest.records, rest.unread], [6_000, 0]);
});

Deno.test("what other systems say of a failure is its cause in the list, too, and what nobody says stays empty", async () => {
  const bare = { ...letter(0, ""), headers: [] };
  const connect = ["__connect.errors.exception.class.name", "__connect.errors.exception.message"];
  const records = [
    { ...bare, headers: connect.map((name) => textHeader(name, `of ${name.split(".").at(-1)}`)) },
    // No date of JavaScript reaches so far; Kafka takes it.
    { ...bare, offset: 1, timestamp: 9e15 },
  ];
  const { latest, by_class, by_cause } = await createDeadLetterTally(log(records).open)
    .readTo(range(2), signal);
  assertEquals(latest.map(({ at, error_class, error }) => [at, error_class, error]), [
    ["9000000000000000", "", ""],
    ["(unknown time)", "of name", "of message"],
  ]);
  const counted = (rows: readonly { error_class: string; records: number }[]) =>
    rows.map(({ error_class, records }) => `${error_class} ${records}`).sort();
  assertEquals(counted(by_class), [" 1", "of name 1"]);
  assertEquals(counted(by_cause), counted(by_class));
});
