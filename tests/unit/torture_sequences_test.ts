/** The checker of the torture's numbered events: what it says of the state that their flow keeps. */
import type { Sql } from "../../src/engine/postgres/sql.ts";
import { checkSequences } from "../../src/tools/torture/check_sequences.ts";
import { countAt, fateOf, sequenceTopicsNamed } from "../../src/tools/torture/sequence_flow.ts";
import type { LogReader } from "../../src/tools/verify/log_reader.ts";
import { assertEquals } from "../support/assert.ts";

const topics = sequenceTopicsNamed("t");
const stateTopic = "t.state";
const encoder = new TextEncoder();
const last = 22;
const numbers = Array.from({ length: last }, (_, index) => index + 1);

type Logs = Record<string, unknown[]>;

/** One key, as its flow must have left it. */
function sound(): Logs {
  const dead = numbers.filter((seq) => fateOf(seq) === "dead-letter");
  return {
    [topics.input]: numbers.map((seq) => ({ key: "a", seq, pad: "" })),
    [topics.output]: numbers.flatMap((seq) => {
      const of = Number(fateOf(seq)) || 0;
      const whole = { key: "a", seq, of, pad: "", count: countAt(seq) };
      return Array.from({ length: of }, (_, part) => ({ ...whole, part }));
    }),
    [topics.deadLetters]: dead.map((seq) => ({ key: "a", seq, pad: "" })),
    [stateTopic]: numbers.filter((seq) => !dead.includes(seq)).map((_, n) => ({ count: n + 1 })),
  };
}

async function findingsIn(logs: Logs): Promise<string[]> {
  const reader = {
    ends: ([topic = ""]: string[]) => {
      const end = logs[topic]?.length ?? 0;
      const partitions = [{ partition: 0, start: 0, lastStable: end, highWatermark: end }];
      return Promise.resolve([{ topic, partitions }]);
    },
    read({ topic }: { topic: string }, onRecord: (record: unknown) => void) {
      for (const [offset, value] of (logs[topic] ?? []).entries()) {
        const bytes = encoder.encode(JSON.stringify(value));
        const key = encoder.encode("a");
        onRecord({ partition: 0, offset, state: "committed", key, value: bytes });
      }
      return Promise.resolve();
    },
  } as unknown as LogReader;
  const sql = (() => Promise.resolve([{ key: "a", seq: last }])) as unknown as Sql;
  const check = { topics, stateTopic, openTransactionWaitMs: 0 };
  return (await checkSequences(sql, reader, check)).findings.map(({ kind }) => kind);
}

Deno.test("what follows from the numbers is sound", async () => {
  assertEquals(await findingsIn(sound()), []);
});

Deno.test("a part with the count of another is found, and so is a state that is behind or ahead", async () => {
  const logs = sound();
  const [first, ...rest] = logs[topics.output] ?? [];
  const ahead = { ...logs, [topics.output]: [{ ...Object(first), count: 1 }, ...rest] };
  assertEquals(await findingsIn(ahead), ["state"]);
  const behind = { ...logs, [stateTopic]: logs[stateTopic]?.slice(0, -1) ?? [] };
  assertEquals(await findingsIn(behind), ["state"]);
  const doubled = { ...logs, [stateTopic]: [...logs[stateTopic] ?? [], { count: last }] };
  assertEquals(await findingsIn(doubled), ["state"]);
});
