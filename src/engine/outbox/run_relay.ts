/** Runs the relay of an outbox with connections of its own: what a program calls that has nothing else to do with Kafka. */
import { createHealth, type Health } from "../core/health.ts";
import type { KafkaClient, KafkaSettings } from "../kafka/kafka_client.ts";
import { ensureTopics } from "../kafka/topics.ts";
import { untilAnswered } from "../kafka/until_answered.ts";
import { watching } from "../kafka/watch_transactions.ts";
import { withClient } from "../kafka/with_client.ts";
import { openDatabase } from "../postgres/database.ts";
import { preparePostgres } from "../postgres/prepare_postgres.ts";
import { bothRelayObservers } from "./both_relay_observers.ts";
import { migrateOutbox } from "./migrate_outbox.ts";
import { type Outbox, outboxNames } from "./outbox.ts";
import type { RelayObserver } from "./relay_options.ts";
import { runRelays } from "./run_relays.ts";
import { watchRelays } from "./watch_relays.ts";
import { writtenTopics } from "./written_topics.ts";

/** What a relay may be told beside its places; each has a default. */
export interface RelayLimits {
  /** Rows in one transaction. */
  readonly batchRecordsMax: number;
  /** The pause before it looks for new rows again, milliseconds: a new row waits for half of it on average. */
  readonly pollIntervalMs: number;
  /** Rows that were published longer ago than this are deleted, hours. */
  readonly retentionHours: number;
  /** The largest record and the largest record batch, bytes; below the topics' `max.message.bytes`. */
  readonly requestBytesMax: number;
  /** The coordinator aborts a transaction that is open for longer, milliseconds. */
  readonly transactionTimeoutMs: number;
  /** Replicas of the cursor's topic, where that is made; -1 for three, or as many as there are brokers. */
  readonly topicReplicationFactor: number;
}

/** From where to where a relay works, and for how long. */
export interface RelaySettings extends KafkaSettings, Partial<RelayLimits> {
  /** `postgres://user:password@host:port/database`, with the words that libpq knows. No pooler that shares sessions. */
  readonly databaseUrl: string;
  /** Which outbox; the one that `search_path` finds where absent. */
  readonly outbox?: Outbox;
  /** The `ce_source` of what it publishes, a URI reference: who says so. `/onceflow/outbox` where absent. */
  readonly eventSource?: string;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Told what stands in its way: `relay:<shard>` (`relay:<name>:<shard>` of a named one), `postgres`, `kafka`. */
  readonly health?: Health;
  /** Told what it does. */
  readonly observer?: RelayObserver;
  /** Told of each partition in which a transaction was ended that Kafka had forgotten there. */
  readonly onForgotten?: (outcome: "commit" | "abort") => void;
}

/** What holds where a relay is told nothing else. */
export const relayDefaults: RelayLimits = {
  batchRecordsMax: 2_000,
  pollIntervalMs: 50,
  retentionHours: 24,
  requestBytesMax: 900_000,
  transactionTimeoutMs: 10_000,
  topicReplicationFactor: -1,
};

/**
 * Publishes the events of an outbox, each once and in the order of its key, until the signal fires; then it ends within five
 * seconds. Any number of processes may run it for one outbox: one of them works, the others stand by. It waits out outages of
 * Postgres and Kafka, and for topics that are missing.
 *
 * It brings the outbox's tables up to date where its user may, and makes the cursor's topic. It connects to Postgres itself,
 * since its lease names a session of its own.
 *
 * ```ts ignore
 * await runRelay({
 *   brokers: ["127.0.0.1:9092"],
 *   clientId: "shipping",
 *   ssl: false,
 *   databaseUrl: "postgres://shipping@127.0.0.1:5432/shipping",
 *   outbox: { schema: "shipping" },
 *   signal,
 * });
 * ```
 *
 * @throws {TypeError} when the outbox's names cannot be such
 * @throws {HaltError} when going on would lose or double something (the database was restored to an earlier state, the cursor
 * expired), or the tables are missing and may not be made; a person must decide then
 */
export async function runRelay(settings: RelaySettings): Promise<void> {
  const { signal } = settings;
  await withClient(settings, signal, async (client) => {
    try {
      await relay(client, settings);
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
    }
  });
}

async function relay(client: KafkaClient, settings: RelaySettings): Promise<void> {
  const { databaseUrl, outbox = {}, signal, onForgotten } = settings;
  const { schema, name = schema, shards = 1 } = outbox;
  const health = settings.health ?? createHealth();
  const limits = { ...relayDefaults, ...defined(settings) };
  const names = outboxNames(outbox, client.names);
  client.recordClock.reportTo(health);
  await using database = openDatabase(databaseUrl, {
    connectionsMax: 2 + 2 * shards,
    applicationName: `onceflow relay ${name ?? ""}`.trim(),
    schema,
  });
  const { sql } = database;
  await preparePostgres({
    ...{ database, databaseUrl, schema, health, signal },
    prepare: () => migrateOutbox(sql, outbox),
    advice:
      "Let the owner of the schema run what outboxMigrationsSql() gives, and grant this user " +
      "usage on the schema, and select, insert, update and delete on its tables",
  });
  await untilAnswered("look up the topic of the outbox's cursor", () =>
    ensureTopics(client, [{
      topic: names.cursorTopic,
      partitions: shards,
      replicationFactor: limits.topicReplicationFactor,
      uses: ["cursor"],
      needs: ["Read"],
    }]), { signal, health });
  const own = named(health, name);
  await using _transactions = watching(client, {
    topics: [],
    moreTopics: () => writtenTopics(sql),
    health,
    onNews: (_id, news) => news.kind === "ended" && onForgotten?.(news.outcome),
  });
  const watcher = watchRelays({ sql, health: own });
  const ended = new AbortController();
  const watch = watcher.run(AbortSignal.any([signal, ended.signal]));
  try {
    await runRelays({ client, database, databaseUrl, schema }, {
      ...{ ...limits, ...names, shards, writesTo: [], health: own, onForgotten },
      eventSource: settings.eventSource,
      observer: bothRelayObservers(watcher.observer, settings.observer),
    }, signal);
  } finally {
    ended.abort();
    await watch;
  }
}

/** The limits that are given. */
function defined(settings: Partial<RelayLimits>): Partial<RelayLimits> {
  const names = Object.keys(relayDefaults) as (keyof RelayLimits)[];
  return Object.fromEntries(
    names.flatMap((name) => settings[name] === undefined ? [] : [[name, settings[name]]]),
  );
}

/** Several relays of one process may report to one `Health`: their conditions are told apart by the outbox's name. */
function named(health: Health, name: string | undefined): Health {
  if (name === undefined) return health;
  const its = (check: string) => check.replace(/^relay:/, `relay:${name}:`);
  return {
    up: (check, cause) => health.up(its(check), cause),
    down: (check, reason, options) => health.down(its(check), reason, options),
    note: (check, text) => health.note(its(check), text),
    remove: (check, cause) => health.remove(its(check), cause),
    ready: () => health.ready(),
  };
}
