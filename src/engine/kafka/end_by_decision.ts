/** What an operator sees of the transactions that partitions hold open, and the decision how a forgotten one of them ends. */
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { type ExaminedTransaction, examineTransactions, keyOf } from "./examine_transactions.ts";
import { withCluster } from "./group_standing.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { findOpen, stateTopic } from "./open_transactions.ts";
import type { Outcome } from "./transaction_outcome.ts";
import { writeMarkers } from "./write_markers.ts";

/** Ending it so would be wrong, or is not ours to do. */
export class EndRefusedError extends Error {
  override name = "EndRefusedError";
}

/** All that is open, and which partitions could not be asked. */
export interface OpenTransactions {
  readonly examined: readonly ExaminedTransaction[];
  readonly leaderless: readonly TopicPartition[];
  readonly refused: readonly TopicPartition[];
}

/** Of these topics and the committed offsets; of all that can be seen where no topic is named. */
export function showTransactions(
  client: KafkaClient,
  topics?: readonly string[],
): Promise<OpenTransactions> {
  return withCluster(client, async (cluster) => {
    const { open, leaderless, refused } = await findOpen(cluster, topics);
    return { examined: await examineTransactions(cluster, open), leaderless, refused };
  });
}

/** Which one, by what the listing shows, and how it shall end. */
export interface EndDecision {
  /** `<topic>-<n>` */
  readonly partition: string;
  readonly producerId: bigint;
  readonly outcome: Outcome;
}

/** @throws {EndRefusedError} unless it is open, forgotten, and not proved to have ended otherwise */
export function planEnd(
  { examined }: Pick<OpenTransactions, "examined">,
  { partition, producerId, outcome }: EndDecision,
): ExaminedTransaction {
  const one = examined.find(({ part }) =>
    formatPartition(part) === partition && part.producerId === producerId
  );
  if (!one) {
    throw new EndRefusedError(
      `${partition} holds no transaction of producer id ${producerId} open (any more)`,
    );
  }
  const id = one.transactionalId ?? "an id that no coordinator knows";
  if (one.kind === "ongoing") {
    throw new EndRefusedError(
      `The transaction of ${id} in ${partition} is not forgotten: its producer has not ended it yet. ` +
        `Its coordinator aborts it ${
          (one.state?.timeoutMs ?? 0) / 1_000
        } s after its start; until then wait, or stop the ` +
        `producer`,
    );
  }
  if (one.kind === "completing") {
    throw new EndRefusedError(
      `The transaction of ${id} in ${partition} is not forgotten: its coordinator is in ` +
        `${one.state?.state} and writes the marker when every partition of it has a leader`,
    );
  }
  if (one.kind === "hidden") {
    throw new EndRefusedError(
      `The transaction of producer id ${producerId} in ${partition} may be at work: whose it is can be ` +
        `seen by a user who may Describe every transactional id; end it as such a one`,
    );
  }
  if (one.kind === "unasked") {
    throw new EndRefusedError(
      `The transaction of producer id ${producerId} in ${partition} may be at work: its coordinator cannot ` +
        `be asked now. Wait until every partition of ${stateTopic} has a leader, then look again`,
    );
  }
  if (one.outcome && one.outcome !== outcome) {
    throw new EndRefusedError(
      `The transaction of ${id} in ${partition} has ended by ${one.outcome}: ${one.proof}. Ending it ` +
        `by ${outcome} here would tear it; use --${one.outcome}`,
    );
  }
  return one;
}

/**
 * Looks once more, writes the marker, and sees that the partition holds it open no longer.
 *
 * @throws {EndRefusedError} when it is no longer what was decided on, or may not be ended by us
 */
export function applyEnd(
  client: KafkaClient,
  { part }: ExaminedTransaction,
  outcome: Outcome,
): Promise<void> {
  const partition = formatPartition(part);
  const { producerId } = part;
  return withCluster(client, async (cluster) => {
    const look = async () => {
      const { open } = await findOpen(cluster, [part.topic]);
      return open.filter((seen) => keyOf(seen) === keyOf(part));
    };
    const examined = await examineTransactions(cluster, await look());
    planEnd({ examined }, { partition, producerId, outcome });
    if (!await writeMarkers(cluster, [part], outcome)) {
      throw new EndRefusedError(
        `Kafka refuses the marker for ${partition}: it takes the right to ALTER the cluster`,
      );
    }
    if ((await look()).length > 0) {
      throw new EndRefusedError(
        `${partition} still holds the transaction open after the marker: look again with ` +
          `"deno task worker transactions"`,
      );
    }
  });
}
