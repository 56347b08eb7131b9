/** Checks the torture's own flow with the independent reader: what came out must follow from the numbers that went in. */
import type { Sql } from "../../engine/postgres/sql.ts";
import type { LogReader } from "../verify/log_reader.ts";
import type { LogRecord } from "../verify/reader_frames.ts";
import {
  countAt,
  fateOf,
  sequenceCount,
  sequenceEvent,
  sequencePart,
  type SequenceTopics,
} from "./sequence_flow.ts";

/** One thing that is not as it should be. */
export interface SequenceFinding {
  readonly kind: "lost" | "doubled" | "out_of_order" | "torn" | "open_transaction" | "state";
  readonly count: number;
  readonly first: string;
}

/** The outcome, with how much was looked at. */
export interface SequenceReport {
  readonly events: number;
  readonly parts: number;
  readonly deadLetters: number;
  readonly findings: readonly SequenceFinding[];
}

/** What to check. */
export interface SequenceCheck {
  readonly topics: SequenceTopics;
  /** How long a transaction may be open before that is a finding, milliseconds. */
  readonly openTransactionWaitMs: number;
  /** The topic of the flow's state, where it kept some. */
  readonly stateTopic?: string;
  /** Only what the relay did; no flow ran. */
  readonly inputOnly?: boolean;
}

/** Compares Postgres, input, output and dead letters. The pipeline must be drained. */
export async function checkSequences(
  sql: Sql,
  reader: LogReader,
  { topics: sequenceTopics, stateTopic, openTransactionWaitMs, inputOnly = false }: SequenceCheck,
): Promise<SequenceReport> {
  const findings = new Map<
    string,
    { kind: SequenceFinding["kind"]; count: number; first: string }
  >();
  const report = (kind: SequenceFinding["kind"], first: string) => {
    const known = findings.get(kind);
    if (known) known.count++;
    else findings.set(kind, { kind, count: 1, first });
  };
  const numbers = await sql<{ key: string; seq: number }[]>`select key, seq from torture_sequence`;
  const last = new Map(numbers.map(({ key, seq }) => [key, seq]));
  const read = (topic: string, onRecord: (record: LogRecord) => void) =>
    readTopic(reader, topic, openTransactionWaitMs, onRecord, report);

  const next = new Map<string, number>();
  let events = 0;
  await read(sequenceTopics.input, (record) => {
    const { key, seq } = sequenceEvent.parse(JSON.parse(textOf(record)));
    events++;
    const due = next.get(key) ?? 1;
    next.set(key, Math.max(due, seq + 1));
    const at = `${key} ${seq} at ${sequenceTopics.input}-${record.partition}@${record.offset}`;
    if (seq < due) report("doubled", `${at}, where ${due} was due`);
    if (seq > due) report("lost", `${at}, where ${due} was due`);
  });
  for (const [key, seq] of last) {
    const seen = (next.get(key) ?? 1) - 1;
    if (seen < seq) report("lost", `${key} ends at ${seen} on ${sequenceTopics.input}, not ${seq}`);
  }

  if (inputOnly) return { events, parts: 0, deadLetters: 0, findings: [...findings.values()] };

  const parts = new Map<string, { seq: number; part: number }>();
  const outputs = new Map<string, number>();
  let partCount = 0;
  await read(sequenceTopics.output, (record) => {
    const { key, seq, part, count } = sequencePart.parse(JSON.parse(textOf(record)));
    partCount++;
    if (stateTopic !== undefined && count !== countAt(seq)) {
      report("state", `${key} ${seq} is number ${count}, not ${countAt(seq)}`);
    }
    const id = `${key} ${seq}.${part}`;
    outputs.set(id, (outputs.get(id) ?? 0) + 1);
    const before = parts.get(key);
    const at = `${id} at ${sequenceTopics.output}-${record.partition}@${record.offset}`;
    const known = (outputs.get(id) ?? 0) > 1;
    if (known) report("doubled", at);
    else if (before && (seq < before.seq || (seq === before.seq && part < before.part))) {
      report("out_of_order", `${at} came after ${before.seq}.${before.part}`);
    } else parts.set(key, { seq, part });
  });
  const dead = new Map<string, number>();
  await read(sequenceTopics.deadLetters, (record) => {
    const { key, seq } = sequenceEvent.parse(JSON.parse(textOf(record)));
    const id = `${key} ${seq}`;
    dead.set(id, (dead.get(id) ?? 0) + 1);
    if ((dead.get(id) ?? 0) > 1) report("doubled", `${id} in ${sequenceTopics.deadLetters}`);
  });
  for (const [key, due] of next) {
    for (let seq = 1; seq < due; seq++) {
      const fate = fateOf(seq);
      if (fate === "dead-letter") {
        if (!dead.has(`${key} ${seq}`)) report("lost", `the dead letter of ${key} ${seq}`);
        continue;
      }
      const missing = Array.from({ length: fate }, (_, part) => part)
        .filter((part) => !outputs.has(`${key} ${seq}.${part}`));
      if (missing.length === 0) continue;
      report(
        missing.length === fate ? "lost" : "torn",
        `parts ${missing.join(", ")} of ${fate} of ${key} ${seq}`,
      );
    }
  }
  if (stateTopic !== undefined) {
    const kept = new Map<string, number>();
    await read(stateTopic, (record) => {
      const { count } = sequenceCount.parse(JSON.parse(textOf(record)));
      kept.set(new TextDecoder().decode(record.key ?? undefined), count);
    });
    for (const [key, due] of next) {
      const count = countAt(due - 1);
      if ((kept.get(key) ?? 0) === count) continue;
      report("state", `${key} stands at ${kept.get(key)} in ${stateTopic}, not ${count}`);
    }
  }
  return { events, parts: partCount, deadLetters: dead.size, findings: [...findings.values()] };
}

async function readTopic(
  reader: LogReader,
  topic: string,
  openTransactionWaitMs: number,
  onRecord: (record: LogRecord) => void,
  report: (kind: SequenceFinding["kind"], first: string) => void,
): Promise<void> {
  const [ends] = await reader.ends([topic], openTransactionWaitMs);
  for (const { partition, start, lastStable, highWatermark } of ends?.partitions ?? []) {
    const range = { topic, partition, from: start, stable: lastStable, to: highWatermark };
    await reader.read(range, (record) => {
      if (record.state === "committed") onRecord(record);
    });
    if (lastStable < highWatermark) {
      report("open_transaction", `${topic}-${partition}: ${lastStable} of ${highWatermark}`);
    }
  }
}

function textOf({ value }: LogRecord): string {
  return new TextDecoder().decode(value ?? new Uint8Array());
}
