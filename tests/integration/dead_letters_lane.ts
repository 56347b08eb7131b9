/** A small lane with `park: "key"` on real Kafka: what core/lane.ts does with the parking hook, for the tests of it. */
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { transactionalId } from "../../src/engine/core/delivery.ts";
import type { Planned } from "../../src/engine/core/planned.ts";
import { TransactionError, type Transactions } from "../../src/engine/core/ports.ts";
import type { InputRecord, OutputRecord } from "../../src/engine/core/record.ts";
import { createParking } from "../../src/engine/dead_letters/create_parking.ts";
import type { RecordLog } from "../../src/engine/dead_letters/record_log.ts";

export interface ParkingLane {
  readonly groupId: string;
  readonly input: string;
  readonly dlq: string;
  readonly output: string;
  readonly recordsMax: number;
  /** Values that fail. */
  readonly bad: Set<string>;
}

const partition = 0;

/** Works on partition 0 until the signal fires; every failure of a commit starts another session. */
export async function runParkingLane(
  log: RecordLog,
  transactions: Transactions,
  lane: ParkingLane,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await runSession(log, transactions, lane, signal);
    } catch (error) {
      if (!signal.aborted && !(error instanceof TransactionError)) throw error;
    }
  }
}

async function runSession(
  log: RecordLog,
  transactions: Transactions,
  { groupId, input, dlq, output, recordsMax, bad }: ParkingLane,
  signal: AbortSignal,
): Promise<void> {
  const place = { topic: input, partition };
  await using transactor = await transactions.open(transactionalId(groupId, place), signal);
  const start = await transactions.stableOffset(groupId, place, signal);
  const parked = await createParking(log, dlq).load({ groupId, ...place }, signal);
  await using reader = await log.openReader(place, Math.max(0, start.offset));
  while (!signal.aborted) {
    const batch = await reader.next({ recordsMax, bytesMax: 1_000_000 }, signal);
    const plan = parked.plan();
    const records: OutputRecord[] = [];
    for (const record of batch.records) {
      const planned = await plan.guard(record, () => planFor(record, bad));
      if (planned.kind === "dead-letter") {
        const target = { topic: dlq, partitionCount: 2 };
        records.push(deadLetter(plan.numbered(record), planned.reason, target));
      } else if (planned.emissions.length > 0) {
        const { key, value } = record;
        records.push({ topic: output, partition, key, value, headers: [] });
      }
    }
    await transactor.commit({
      records: [...records, ...plan.entries()],
      offsets: [{ groupId, ...place, offset: batch.nextOffset }],
    });
    plan.committed();
  }
}

function planFor({ value }: InputRecord, bad: ReadonlySet<string>): Planned {
  if (bad.has(new TextDecoder().decode(value ?? undefined))) {
    const reason = { errorClass: "PoisonError", error: "bad", attempts: 1, groupId: "test" };
    return { kind: "dead-letter", reason };
  }
  return { kind: "emit", emissions: [{ topic: "", key: "", value: "", headers: [] }] };
}
