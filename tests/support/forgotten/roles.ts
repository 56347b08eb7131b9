/** The roles of the product, each with the functions that a user's process runs. */
import { z } from "zod";
import { runFlow } from "../../../src/engine/flow/run_flow.ts";
import { deadLetter } from "../../../src/engine/core/dead_letter.ts";
import { delay } from "../../../src/engine/core/delay.ts";
import { HaltError, PoisonError } from "../../../src/engine/core/errors.ts";
import { defineFlow } from "../../../src/engine/core/flow.ts";
import { topic } from "../../../src/engine/core/topic_contract.ts";
import { createHealth } from "../../../src/engine/core/health.ts";
import { openDeadLetterStore } from "../../../src/engine/dead_letters/open_dead_letter_store.ts";
import { redriveDeadLetters } from "../../../src/engine/dead_letters/redrive.ts";
import type { KafkaClient } from "../../../src/engine/kafka/kafka_client.ts";
import { createTransactions } from "../../../src/engine/kafka/transactions.ts";
import { openTransactor } from "../../../src/engine/kafka/transactor.ts";
import { leadMigrations } from "../../../src/engine/outbox/lead_migrations.ts";
import { outboxMigrations } from "../../../src/engine/outbox/migrations.ts";
import { openRelayLeads } from "../../../src/engine/outbox/relay_lead.ts";
import { relayMigrations } from "../../../src/engine/outbox/relay_migrations.ts";
import { relayStore } from "../../../src/engine/outbox/relay_store.ts";
import { topicsMigrations } from "../../../src/engine/outbox/topics_migrations.ts";
import { writtenTopics } from "../../../src/engine/outbox/written_topics.ts";
import { relayShard } from "../../../src/engine/outbox/relay_shard.ts";
import { appendInTransaction } from "../append_in_transaction.ts";
import { openDatabase } from "../../../src/engine/postgres/database.ts";
import { migrate } from "../../../src/engine/postgres/migrate.ts";
import { watching } from "../../../src/engine/kafka/watch_transactions.ts";
import { produce, readPartition, record, texts } from "../kafka.ts";
import { freshDatabase } from "../services.ts";
import type { MakeRole, OnStep, Role, Trial } from "./role.ts";

const read = z.object({ id: z.string() });
const bothNodes = [1, 2] as const;
/** Keys of two partitions: the murmur2 of one letter is odd for some and even for others. */
const json = (id: string) => JSON.stringify({ id });

/** A flow as a library runs it. Every third record is a dead letter. */
export const flow: MakeRole = (trial) => Promise.resolve(flowRole(trial));

/** The same flow, behind a producer that is none of ours and writes to its input in transactions. */
export const reader: MakeRole = (trial) => {
  const { cluster: { client }, name, transactionTimeoutMs } = trial;
  const role = flowRole(trial);
  const transactionalId = `${name}-somebody`;
  return Promise.resolve({
    ...role,
    topics: { ...role.topics, [`${name}-in`]: bothNodes },
    transactionalIds: [transactionalId],
    run: (signal) => role.run(signal, () => {}),
    async feed(values, onStep) {
      await using transactor = await openTransactor(client, transactionalId, {
        // Only the one that is hit is to time out.
        transactionTimeoutMs: onStep ? transactionTimeoutMs : 60_000,
        onStep,
      });
      const records = values.map((id, at) => record(`${name}-in`, at % 2, id, json(id)));
      await transactor.commit({ records, offsets: [] });
    },
  });
};

function flowRole({ cluster: { client }, name, transactionTimeoutMs }: Trial): Role {
  const out = topic(`${name}-out`, { read, key: ({ id }) => id });
  const definition = defineFlow({
    name,
    from: topic(`${name}-in`, { read, key: ({ id }) => id }),
    to: [out],
    transform(event) {
      if (Number(event.id) % 3 === 0) throw new PoisonError("every third");
      return out.event(event);
    },
  });
  return {
    topics: { [`${name}-in`]: [1], [out.name]: bothNodes, [definition.deadLetters]: bothNodes },
    transactionalIds: [`${definition.groupId}/${name}-in/0`],
    run: (signal, onStep) =>
      runFlow(client, definition, signal, { transactionTimeoutMs }, {
        onStep,
        watch: { intervalMs: 500, graceMs: 500 },
      }),
    feed: (values) => produce(client, values.map((id) => record(`${name}-in`, 0, id, json(id)))),
    seen: () => idsIn(client, [out.name, definition.deadLetters]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The relay of an outbox of its own. Half of its rows are for a topic that no setting names. */
export const relay: MakeRole = async ({ cluster: { client }, name, transactionTimeoutMs }) => {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await freshDatabase());
  const { sql } = stack.use(openDatabase(url, { connectionsMax: 4, applicationName: name }));
  await migrate(sql, [
    ...outboxMigrations,
    ...relayMigrations,
    ...leadMigrations,
    ...topicsMigrations,
  ]);
  const owned = stack.move();
  const [out, named, cursorTopic] = [`${name}-out`, `${name}-named`, `${name}-cursor`];
  const moreTopics = () => writtenTopics(sql);
  const groupId = `${name}-relay`;
  return {
    topics: { [out]: bothNodes, [named]: [2, 2], [cursorTopic]: [1] },
    transactionalIds: [`${groupId}/${cursorTopic}/0`],
    async run(signal, onStep) {
      await using transactions = createTransactions(client, {
        ...{ transactionTimeoutMs, onStep, writesTo: [out, cursorTopic] },
        ...{ alsoWritesTo: moreTopics, alsoElsewhere: true },
      });
      await using _watching = watching(client, {
        ...{ topics: [out, cursorTopic], moreTopics, health: createHealth() },
        ...{ intervalMs: 500, graceMs: 500 },
      });
      await using leads = openRelayLeads(url, { name, applicationName: name });
      const place = { shard: 0, groupId, cursorTopic };
      const deps = { store: relayStore(sql, place), transactions, lead: leads.of(0) };
      await relayShard(
        { ...deps, partitionCount: () => 2 },
        {
          ...place,
          ...{ batchRecordsMax: 100, pollIntervalMs: 50, retentionHours: 1 },
        },
        signal,
      );
    },
    async feed(values) {
      await sql.begin(async (tx) => {
        for (const id of values) {
          const value = new TextEncoder().encode(json(id));
          const event = { eventId: crypto.randomUUID(), eventType: "Said" };
          const topic = Number(id) % 4 < 2 ? out : named;
          await appendInTransaction(tx, { topic, key: id, value, ...event }, { shards: 1 });
        }
      });
    },
    seen: () => idsIn(client, [out, named]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

/** An operator who redrives until it succeeds. */
export const redrive: MakeRole = ({ cluster: { client }, name, transactionTimeoutMs }) => {
  const [back, dlq] = [`${name}-back`, `${name}-back.DLQ`];
  let offset = 0;
  return Promise.resolve({
    topics: { [back]: bothNodes, [dlq]: [1] },
    transactionalIds: [`${client.names.redrive}/${dlq}/0`],
    async run(signal: AbortSignal, onStep: OnStep) {
      while (!signal.aborted) {
        await using store = openDeadLetterStore(client, {
          ...{ topic: dlq, transactionTimeoutMs, onStep },
        });
        try {
          await redriveDeadLetters(store, {}, signal);
        } catch (error) {
          if (error instanceof HaltError) throw error;
        }
        await delay(200, signal).catch(() => {});
      }
    },
    async feed(values: readonly string[]) {
      const why = { errorClass: "PoisonError", error: "no", attempts: 1, groupId: "onceflow.test" };
      await produce(
        client,
        values.map((id) => {
          const { key, value, headers } = record(back, 0, id, json(id));
          if (typeof key === "string" || typeof value === "string") throw new TypeError("bytes");
          const place = { topic: back, partition: Number(id) % 2, offset: offset++ };
          const original = { ...place, timestamp: Date.now(), key, value, headers };
          return deadLetter(original, why, { topic: dlq, partitionCount: 1 });
        }),
      );
    },
    seen: () => idsIn(client, [back]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
};

async function idsIn(client: KafkaClient, topics: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of topics) {
    for (const partition of [0, 1]) {
      const values = texts(await readPartition(client, name, partition));
      found.push(...values.map((text) => read.parse(JSON.parse(text)).id));
    }
  }
  return found;
}
