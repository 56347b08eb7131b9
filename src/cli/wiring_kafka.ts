/** Gives services to the commands that act on Kafka itself: dead letters, offsets and transactions. */
import { auditOf } from "../app/compose/audited.ts";
import { groupsOf } from "../app/compose/roles.ts";
import { openDeadLetterStore } from "../engine/dead_letters/open_dead_letter_store.ts";
import { createKafkaClient } from "../engine/kafka/kafka_client.ts";
import { createTransactions } from "../engine/kafka/transactions.ts";
import { cursorMetadataAt, writeRelayCheckpoint } from "../engine/outbox/relay_cursor.ts";
import { openDatabase } from "../engine/postgres/database.ts";
import type { InputRecord } from "../engine/core/record.ts";
import { readRecords } from "../tools/records/read_records.ts";
import { linesOf } from "../tools/records/lines_of.ts";
import { writeRecords } from "../tools/records/write_records.ts";
import type { DlqActions } from "./dlq.ts";
import type { OffsetsActions } from "./offsets.ts";
import type { RecordsActions } from "./records.ts";
import type { TransactionsActions } from "./transactions.ts";
import { confirmed, withServices } from "./with_services.ts";

export const dlqActions: DlqActions = {
  confirm: confirmed,
  withStore: (topic, act) =>
    withServices(async (config, services, signal) => {
      await using store = openDeadLetterStore(createKafkaClient(services.kafka), {
        topic: topic ?? config.DEAD_LETTERS_TOPIC,
        transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
        batchBytesMax: config.REQUEST_BYTES_MAX,
        replicationFactor: config.TOPIC_REPLICATION_FACTOR,
      });
      return await act(store, signal, auditOf(config, services));
    }),
};

export const offsetsActions: OffsetsActions = {
  confirm: confirmed,
  withOffsets: (act) =>
    withServices(async (config, services, signal) => {
      const client = createKafkaClient(services.kafka);
      await using transactions = createTransactions(client, {
        transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
      });
      await using database = openDatabase(services.databaseUrl, {
        connectionsMax: 1,
        applicationName: "onceflow offsets",
      });
      const groups = groupsOf(config);
      return await act({
        client,
        transactions,
        groups: [groups.invoicing, groups.relay, groups.projector, groups.redrive],
        flowGroup: groups.invoicing,
        projectorGroup: groups.projector,
        relay: { groupId: groups.relay, cursorTopic: config.OUTBOX_CURSOR_TOPIC },
        relayMetadata: (shard, offset, now) => cursorMetadataAt(database.sql, shard, offset, now),
        audit: auditOf(config, services),
        writeRelayCheckpoint: (shard, offset) =>
          writeRelayCheckpoint(database.sql, shard, Math.max(0, offset - 1)),
      }, signal);
    }),
};

export const recordsActions: RecordsActions = {
  read: (topic, recordsMax) =>
    withServices(async (_config, services, signal) => {
      const records: InputRecord[] = [];
      for await (const record of readRecords(createKafkaClient(services.kafka), topic, signal)) {
        if (records.push(record) === recordsMax) break;
      }
      return records;
    }),
  write: (options) =>
    withServices((_config, services) =>
      writeRecords(createKafkaClient(services.kafka), linesOf(Deno.stdin.readable), options)
    ),
};

export const transactionsActions: TransactionsActions = {
  confirm: confirmed,
  withClient: (act) =>
    withServices((config, services) =>
      act(createKafkaClient(services.kafka), auditOf(config, services))
    ),
};
