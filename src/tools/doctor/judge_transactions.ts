/** Judges the transactions that partitions hold open: who waits behind one that nobody will end. Pure. */
import { formatPartition } from "../../engine/core/record.ts";
import type { OpenTransactions } from "../../engine/kafka/end_by_decision.ts";
import type { ExaminedTransaction } from "../../engine/kafka/examine_transactions.ts";
import { type Finding, not, right } from "./finding.ts";

const subject = "open transactions";
/** The coordinator looks for those that are over their time every ten seconds. */
const overdueMs = 15_000;
/** No broker allows more by default. */
const longMs = 15 * 60_000;

/** At this time, milliseconds since the epoch; `user` is who asks. */
export function judgeTransactions(
  { examined, refused }: OpenTransactions,
  nowMs: number,
  user = "?",
): Finding[] {
  const findings = examined.flatMap((one) => judgeOne(one, nowMs, user));
  if (refused.length > 0) {
    const topics = [...new Set(refused.map(({ topic }) => topic))];
    findings.push(
      not(
        "not_told",
        subject,
        `${user === "?" ? "this client" : user} may not see those of ${topics.join(", ")}`,
        `kafka-acls.sh --add --allow-principal User:${user} --operation Read ` +
          topics.map((topic) => `--topic '${topic}'`).join(" "),
      ),
    );
  }
  if (findings.length > 0) return findings;
  return [right(subject, `${examined.length}, none of them longer than it may be`)];
}

function judgeOne(one: ExaminedTransaction, nowMs: number, user: string): Finding[] {
  const { part, transactionalId = "an id that no coordinator knows", state } = one;
  const where = `${formatPartition(part)} waits behind a transaction of ${transactionalId}`;
  switch (one.kind) {
    case "ongoing": {
      const { startedAt = nowMs, timeoutMs = 0 } = state ?? {};
      if (nowMs < startedAt + timeoutMs + overdueMs) return [];
      const text = `${where}, which is open for longer than its timeout of ${timeoutMs} ms`;
      return [
        not("wrong", subject, text, "is its coordinator's partition led? see the brokers' logs"),
      ];
    }
    case "completing": {
      const text = `${where}, which its coordinator is ending (${state?.state})`;
      return [
        not("warning", subject, text, "look again; does every partition of it have a leader?"),
      ];
    }
    case "hidden":
      if (nowMs - part.lastTimestamp < longMs) return [];
      return [
        not(
          "not_told",
          subject,
          `${
            formatPartition(part)
          } waits behind a transaction of producer id ${part.producerId} whose owner is ` +
            "not shown to this user",
          `kafka-acls.sh --add --allow-principal User:${user} --operation Describe --transactional-id '*'`,
        ),
      ];
    case "unasked": {
      const text = `${formatPartition(part)} holds one open whose coordinator cannot be asked`;
      return [
        not("warning", subject, text, "has every partition of __transaction_state a leader?"),
      ];
    }
    case "forgotten":
      return [
        not(
          "wrong",
          subject,
          `${where}, which Kafka has forgotten to end there (KAFKA-20734); ` +
            (one.outcome
              ? `it ended by ${one.outcome}: ${one.proof}`
              : "nothing proves how it ended"),
          one.outcome
            ? "deno task worker transactions --proved"
            : "deno task worker transactions, whose --help says how to decide",
        ),
      ];
    default:
      one.kind satisfies never;
      return [];
  }
}
