/** Open transactions in lines for people, and as rows for programs. Pure. */
import { isoTime } from "../engine/core/iso_time.ts";
import { oneLine } from "../engine/core/plain_text.ts";
import { formatPartition, type TopicPartition } from "../engine/core/record.ts";
import { wrapped } from "../engine/dead_letters/fit_columns.ts";
import type { OpenTransactions } from "../engine/kafka/end_by_decision.ts";
import type { ExaminedTransaction } from "../engine/kafka/examine_transactions.ts";
import { writtenAt } from "../engine/kafka/settle_transaction.ts";

/** Where each is open and whose it is, below it how it stands, and then what could not be asked; it fits 100 columns. `nowMs` is Kafka's time. */
export function transactionsText(
  { examined, leaderless, refused }: OpenTransactions,
  nowMs: number,
): string {
  const lines = examined.flatMap((one) => {
    const row = transactionRow(one, nowMs);
    const id = row.transactionalId === undefined ? "an unknown id" : oneLine(row.transactionalId);
    return [
      `${row.partition} from offset ${row.startOffset}: ${id}, producer id ${row.producerId}, ` +
      `epoch ${row.producerEpoch}, last written ${row.lastWrittenSeconds} s ago`,
      `  ${standing(one)}`,
    ];
  });
  return [
    ...(examined.length > 0 ? lines : ["No partition holds a transaction open."]),
    ...(examined.some(isUnproved) ? [howToDecide] : []),
    ...unasked("without a leader", leaderless),
    ...unasked("not allowed", refused),
  ].map((line) => wrapped(line, "  ")).join("\n");
}

/** A person decides how it ended. */
export function isUnproved({ kind, outcome }: ExaminedTransaction): boolean {
  return kind === "forgotten" && !outcome;
}

const howToDecide =
  'How to find out how it ended, and how to end it so: "deno task worker transactions --help"';

/** What a program wants to know of it. */
export function transactionRow(
  { part, transactionalId, state, kind, outcome, proof }: ExaminedTransaction,
  nowMs: number,
) {
  const written = writtenAt(part, state);
  return {
    partition: formatPartition(part),
    producerId: String(part.producerId),
    producerEpoch: part.producerEpoch,
    transactionalId,
    startOffset: part.startOffset,
    lastWrittenAt: isoTime(written) ?? null,
    lastWrittenSeconds: Math.max(0, Math.round((nowMs - written) / 1_000)),
    coordinatorState: state?.state,
    kind,
    outcome,
    proof,
  };
}

function standing({ kind, state, outcome, proof }: ExaminedTransaction): string {
  switch (kind) {
    case "ongoing":
      return "its producer is at work";
    case "completing":
      return `its coordinator is ending it (${state?.state})`;
    case "forgotten":
      return outcome
        ? `FORGOTTEN, ended by ${outcome}: ${proof}`
        : `FORGOTTEN, nothing proves how it ended${lastWordOf(state?.state)}`;
    case "hidden":
      return "not told: it takes Describe on its transactional id";
    case "unasked":
      return "not known: its coordinator cannot be asked now";
    default:
      kind satisfies never;
      return kind;
  }
}

/** No proof, and yet what a person wants to know before deciding. */
function lastWordOf(state: string | undefined): string {
  if (state !== "CompleteCommit" && state !== "CompleteAbort") return "";
  return `; the last that its coordinator knows of this id is ${state}, of this transaction or of a later one`;
}

function unasked(why: string, partitions: readonly TopicPartition[]): string[] {
  if (partitions.length === 0) return [];
  return [`Could not ask (${why}): ${partitions.map(formatPartition).join(", ")}`];
}
