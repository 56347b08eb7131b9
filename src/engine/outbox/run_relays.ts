/** Relays every shard of an outbox: wires store, lead and transactions. With `run_relay.ts` all that this room knows of Kafka. */
import type { Health } from "../core/health.ts";
import { reportTransactions } from "../flow/report_transactions.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { offsetsKeptMs } from "../kafka/offsets_kept.ts";
import { createTopicDirectory } from "../kafka/topic_directory.ts";
import { createTransactions } from "../kafka/transactions.ts";
import type { Outcome } from "../kafka/transaction_outcome.ts";
import { tracePublishing } from "../observe/trace_transactions.ts";
import type { Database } from "../postgres/database.ts";
import type { OutboxNames } from "./outbox.ts";
import { openRelayLeads } from "./relay_lead.ts";
import {
  relayCheck,
  relayCheckOf,
  type RelayObserver,
  type RelayOptions,
} from "./relay_options.ts";
import { relayShard } from "./relay_shard.ts";
import { relayStore } from "./relay_store.ts";
import { writtenTopics } from "./written_topics.ts";

/** What is open already. */
export interface RelayServices {
  readonly client: KafkaClient;
  readonly database: Database;
  /** Where the leases are asked for, over a connection of their own. */
  readonly databaseUrl: string;
  /** The outbox's, where it has one of its own. */
  readonly schema?: string;
}

/** Names and bounds of the relays, and who is told. */
export interface RunRelaysOptions extends
  OutboxNames,
  Pick<
    RelayOptions,
    "batchRecordsMax" | "pollIntervalMs" | "retentionHours" | "eventSource"
  > {
  readonly shards: number;
  /** Topics that are known to be written to; those that rows name are found beside them. */
  readonly writesTo: readonly string[];
  /** The coordinator aborts a transaction that is open for longer, milliseconds. */
  readonly transactionTimeoutMs: number;
  /** The largest record batch, bytes. */
  readonly requestBytesMax: number;
  readonly health: Health;
  readonly observer: RelayObserver;
  /** Told of each partition in which a transaction was ended that Kafka had forgotten there. */
  readonly onForgotten?: (outcome: Outcome) => void;
}

/**
 * Relays until the signal fires. A shard that halts does not end the others.
 *
 * @throws the reason of the first shard that halted, once all have ended
 */
export async function runRelays(
  { client, database: { sql }, databaseUrl, schema }: RelayServices,
  given: RunRelaysOptions,
  signal: AbortSignal,
): Promise<void> {
  const { groupId, cursorTopic, shards, health, observer, onForgotten, ...options } = given;
  await using topics = createTopicDirectory(client);
  await using transactions = createTransactions(client, {
    transactionTimeoutMs: options.transactionTimeoutMs,
    batchBytesMax: options.requestBytesMax,
    topics,
    writesTo: options.writesTo,
    alsoWritesTo: () => writtenTopics(sql),
    alsoElsewhere: true, // a restore of Postgres may have lost some of these
    onNews: reportTransactions(health, relayCheckOf, onForgotten),
  });
  await using leads = openRelayLeads(databaseUrl, {
    name: `${client.settings.clientId}, process ${Deno.pid}`,
    applicationName: "onceflow relay lead",
    schema,
  });
  // Changed by a restart of the brokers only.
  let kept: Promise<number | undefined> | undefined;
  const keptMs = () => kept ??= offsetsKeptMs(client, groupId).catch(() => kept = undefined);
  const run = (shard: number) => {
    const place = { shard, groupId, cursorTopic };
    return relayShard(
      {
        store: relayStore(sql, place),
        health,
        transactions: tracePublishing(transactions),
        lead: leads.of(shard),
        partitionCount: topics.partitionCount,
        recordBytesMax: topics.recordBytesMax,
        hasLeader: topics.hasLeader,
        async lookUp(names, anew) {
          if (anew) topics.doubt(names);
          await topics.lookUp(names);
        },
        offsetsKeptMs: keptMs,
      },
      { ...place, ...options },
      signal,
      observer,
    );
  };
  const ends = await Promise.allSettled(
    Array.from({ length: shards }, (_, shard) =>
      run(shard).catch((error) => {
        const reason = `halted: ${error instanceof Error ? error.message : String(error)}`;
        health.down(relayCheck(shard), reason, { cause: "halted" });
        throw error;
      })),
  );
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
