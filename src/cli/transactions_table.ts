/** Open transactions as a table for people, and as rows for programs. Pure. */
import Table from "cli-table3";
import { oneLine } from "../engine/core/plain_text.ts";
import { formatPartition, type TopicPartition } from "../engine/core/record.ts";
import type { OpenTransactions } from "../engine/kafka/end_by_decision.ts";
import type { ExaminedTransaction } from "../engine/kafka/examine_transactions.ts";
import { ageSeconds } from "../engine/kafka/settle_transaction.ts";

/** One line a transaction and partition, then what could not be asked. */
export function transactionsTable({ examined, leaderless, refused }: OpenTransactions): string {
  const table = new Table({
    head: ["partition", "producer", "epoch", "transactional id", "from", "last written", "state"],
    style: { head: [], border: [], compact: true },
  });
  for (const one of examined) {
    const row = transactionRow(one);
    table.push([
      ...[
        row.partition,
        row.producerId,
        String(row.producerEpoch),
        oneLine(row.transactionalId ?? "unknown"),
      ],
      ...[String(row.startOffset), `${row.lastWrittenSeconds} s ago`, standing(one)],
    ]);
  }
  return [
    examined.length > 0 ? String(table) : "No partition holds a transaction open.",
    ...unasked("without a leader", leaderless),
    ...unasked("not allowed", refused),
  ].join("\n");
}

/** What a program wants to know of it. */
export function transactionRow(
  { part, transactionalId, state, kind, outcome, proof }: ExaminedTransaction,
) {
  return {
    partition: formatPartition(part),
    producerId: String(part.producerId),
    producerEpoch: part.producerEpoch,
    transactionalId,
    startOffset: part.startOffset,
    lastWrittenSeconds: ageSeconds(part),
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
        : "FORGOTTEN, nothing proves how it ended";
    case "hidden":
      return "not told: it takes Describe on its transactional id";
    case "unasked":
      return "not known: its coordinator cannot be asked now";
    default:
      kind satisfies never;
      return kind;
  }
}

function unasked(why: string, partitions: readonly TopicPartition[]): string[] {
  if (partitions.length === 0) return [];
  return [`Could not ask (${why}): ${partitions.map(formatPartition).join(", ")}`];
}
