/** Dead letters by cause: what counts as the same, and what is told of each group. */
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { fingerprintOf, parseFingerprint } from "../../src/engine/dead_letters/fingerprint.ts";
import { groupDeadLetters } from "../../src/engine/dead_letters/group_dead_letters.ts";
import { type DeadLetter, readDeadLetter } from "../../src/engine/dead_letters/read_dead_letter.ts";
import { reasonPattern } from "../../src/engine/dead_letters/reason_pattern.ts";
import { deadLetterDocument } from "../../src/engine/dead_letters/render_dead_letters.ts";
import { groupsText } from "../../src/engine/dead_letters/render_groups.ts";
import { selects } from "../../src/engine/dead_letters/select_dead_letters.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "../support/assert.ts";

interface Failed {
  readonly error?: string;
  readonly errorClass?: string;
  readonly groupId?: string;
  readonly topic?: string;
  readonly at?: number;
  readonly offset?: number;
}

function failed(
  { error = "no", errorClass = "E", groupId = "g", topic = "in", at = 0, offset = 0 }: Failed,
): DeadLetter {
  const original = {
    ...{ topic, partition: 0, offset: 5, timestamp: 0, key: null, value: null, headers: [] },
  };
  const reason = { error, errorClass, attempts: 1, groupId };
  const letter = deadLetter(original, reason, { topic: "in.DLQ", partitionCount: 1 });
  return readDeadLetter({ ...letter, offset, timestamp: at });
}

Deno.test("one cause has one text, whatever record it was", () => {
  const same = (first: string, second: string, pattern: string) =>
    assertEquals([reasonPattern(first), reasonPattern(second)], [pattern, pattern]);
  same("Order ord-17: no tax", "Order ord-b9: no tax", "Order #: no tax");
  same(
    "8d3e1f52-9d1e-4e39-a6b4-3f0f4a0f2c11 at 2026-11-27T13:02:11.123Z from 10.0.0.7:5432",
    "0d3e1f52-9d1e-4e39-a6b4-3f0f4a0f2c12 at 2025-01-02T03:04:05Z from 10.1.0.255:99",
    "# at # from #",
  );
});

Deno.test("names that belong to the cause stay, and values that are quoted go", () => {
  const pairs = [
    ['column "tax" has no value "12"', 'column tax has no value "…"'],
    ["Cannot read properties of undefined (reading 'rate')", undefined],
    ["HTTP 503 after 12 ms", "HTTP 503 after # ms"],
    ["isn't known: 'alice'", "isn't known: '…'"],
    [`Unexpected token '"', "{"a":"b"}" is not valid JSON`, undefined],
    ["ids 1, 2, 3 are gone", "ids # are gone"],
    ["mail a@b.example bounced", "mail # bounced"],
    ['cut in the middle of "a val', 'cut in the middle of "…"'],
    ['[{"code": "too_small", "path": ["items"], "minimum": 1}]', undefined],
  ] as const;
  const expected = [
    undefined,
    "Cannot read properties of undefined (reading rate)",
    undefined,
    undefined,
    "Unexpected token … is not valid JSON",
    undefined,
    undefined,
    undefined,
    '[{"…": too_small, "…": [items], "…": #}]',
  ];
  pairs.forEach(([error, pattern], index) =>
    assertEquals(reasonPattern(error), pattern ?? expected[index])
  );
});

Deno.test("a long text of any kind is patterned at once", () => {
  const before = performance.now();
  for (const text of ["a", "'", '"', "a@", "1", " ", "path: [", "\u0000"]) {
    assert(reasonPattern(text.repeat(2_000_000)).length <= 200);
  }
  assert(performance.now() - before < 2_000);
});

Deno.test("class, text, flow and origin make the fingerprint, and the record does not", () => {
  const base = { error: "no tax for 17", errorClass: "TaxError", groupId: "g", topic: "in" };
  const print = fingerprintOf(failed(base));
  assertEquals(print, fingerprintOf(failed({ ...base, error: "no tax for 18", at: 9, offset: 3 })));
  const others = [{ error: "no rate" }, { errorClass: "E" }, { groupId: "h" }, { topic: "out" }];
  for (const other of others) {
    assertNotEquals(fingerprintOf(failed({ ...base, ...other })), print);
  }
  assertEquals(parseFingerprint(print.toUpperCase()), print);
  assertEquals(selects({ fingerprint: print })(failed(base)), true);
  assertEquals(selects({ fingerprint: print })(failed({})), false);
  assertThrows(() => parseFingerprint("5f0c"), TypeError, "dlq groups");
});

Deno.test("a fingerprint is the same in every release: operators note them down", () => {
  assertEquals(
    fingerprintOf(failed({ error: "no tax for 17", errorClass: "TaxError" })),
    "6e3c174c8dec",
  );
});

Deno.test("a group says how many, since when, and where some of them are", () => {
  const letters = [3, 1, 4, 1, 5].map((at, offset) => ({
    ...failed({ error: `no ${at}`, at, offset }),
    redriven: offset === 0,
  }));
  const { groups: [first, second], count, others } = groupDeadLetters([
    failed({ topic: "rare", at: 9, offset: 8 }),
    ...letters,
  ], { samplesMax: 2 });
  assertEquals([first?.count, first?.pending, first?.first, first?.last], [5, 4, 1, 5]);
  assertEquals(first?.samples, [{ partition: 0, offset: 4 }, { partition: 0, offset: 2 }]);
  assertEquals([second?.topic, second?.pending], ["rare", undefined]);
  assertEquals([count, others], [6, 0]);
});

Deno.test("a dead letter that bears no time is of no time, not of 1970", () => {
  const timed = failed({ error: "no 1", at: 1_800_000_000_000, offset: 1 });
  const untimed = [0, -1].map((at, offset) => failed({ error: "no 2", at, offset: offset + 2 }));
  const [first, second] = untimed.map((letter) =>
    deadLetterDocument({ ...letter, redriven: false }).failed_at
  );
  assertEquals([first, second], [null, null]);
  const text = (letters: readonly DeadLetter[]) => groupsText(groupDeadLetters(letters));
  assert(text(untimed).includes("(unknown time) to (unknown time)"), text(untimed));
  const at = "2027-01-15T08:00:00.000Z";
  assert(text([...untimed, timed]).includes(`${at} to ${at}`), text([...untimed, timed]));
});

Deno.test("too many causes are counted together, and lines fit 100 columns", () => {
  const long = "é".repeat(500);
  const many = Array.from(
    { length: 9 },
    (_, at) => failed({ errorClass: `${at}${long}`, error: `${long} ${long}`, groupId: long, at }),
  );
  const found = groupDeadLetters(many, { groupsMax: 4 });
  assertEquals([found.groups.length, found.others, found.count], [4, 5, 9]);
  const lines = groupsText(found).split("\n");
  assertEquals(lines.filter((line) => line.length > 100), []);
  assertEquals(lines.at(-1), "5 more, with other causes than these");
});
