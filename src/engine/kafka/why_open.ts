/** Says in a sentence why a transaction is open, for people who look at what it holds back. Ends nothing. */
import { formatPartition } from "../core/record.ts";
import { showTransactions } from "./end_by_decision.ts";
import type { ExaminedTransaction } from "./examine_transactions.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { stateTopic } from "./open_transactions.ts";

/** An open transaction with its reason. */
export interface WhyOpen {
  readonly topic: string;
  readonly partition: number;
  readonly producerId: bigint;
  readonly transactionalId?: string;
  readonly reason: string;
}

/** Of these topics and of the committed offsets. */
export async function whyOpen(
  client: KafkaClient,
  topics: readonly string[],
): Promise<readonly WhyOpen[]> {
  const { examined } = await showTransactions(client, topics);
  return examined.map((one) => {
    const { part: { topic, partition, producerId }, transactionalId } = one;
    return { topic, partition, producerId, transactionalId, reason: reasonOf(one) };
  });
}

/** What became of it, and what helps. */
export function reasonOf(
  { part, transactionalId, state, kind, outcome, proof }: ExaminedTransaction,
): string {
  const where = formatPartition(part);
  const producer = `producer id ${part.producerId}`;
  const who = transactionalId === undefined ? producer : `${transactionalId} (${producer})`;
  switch (kind) {
    case "ongoing":
      return `${where} waits for a transaction of ${who} whose producer has not ended it; its coordinator ` +
        `aborts it ${Math.round((state?.timeoutMs ?? 0) / 1_000)} s after its start`;
    case "completing":
      return `${where} waits for a transaction of ${who} whose coordinator is in ${state?.state}; has every ` +
        `partition of it a leader, and as many replicas in sync as its min.insync.replicas?`;
    case "forgotten":
      return `Kafka has forgotten to end a transaction of ${who} in ${where} (KAFKA-20734); ` +
        (outcome
          ? `it ended by ${outcome} (${proof}): a worker ends it there, or "deno task worker transactions --proved"`
          : `nothing proves how it ended: "deno task worker transactions" shows it, and how to decide`);
    case "hidden":
      return `${where} waits for a transaction of ${who}; whose it is takes Describe on its transactional id to see`;
    case "unasked":
      return `${where} waits for a transaction of ${who}, and its coordinator cannot be asked; has every ` +
        `partition of ${stateTopic} a leader?`;
    default:
      kind satisfies never;
      return kind;
  }
}
