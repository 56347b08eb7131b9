/** Topics, dead letters and readers for the tests of the dead letters, on the tests' Kafka. */
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { deadLetter } from "../../src/engine/core/dead_letter.ts";
import { type Header, type InputRecord, textHeader } from "../../src/engine/core/record.ts";
import { openRecordLog } from "../../src/engine/dead_letters/kafka_record_log.ts";
import type { DeadLetterStore } from "../../src/engine/dead_letters/list_dead_letters.ts";
import {
  openDeadLetterStore,
  type StoreOptions,
} from "../../src/engine/dead_letters/open_dead_letter_store.ts";
import { readRange } from "../../src/engine/core/read_range.ts";
import { plainRecord } from "../../src/engine/kafka/codec/committed_records.ts";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { openPlainProducer } from "../../src/engine/kafka/plain_producer.ts";
import { ensureTopics } from "../../src/engine/kafka/topics.ts";
import { services } from "../support/services.ts";

/** An input topic of two partitions with its dead letters. */
export interface DeadLetterTopics {
  readonly client: KafkaClient;
  readonly input: string;
  readonly dlq: string;
  /** A store on the dead letters; dispose of it. */
  open(options?: Partial<StoreOptions>): DeadLetterStore & AsyncDisposable;
  /** Writes a dead letter of a record of the input topic, as a lane would. */
  fail(...records: readonly Failure[]): Promise<void>;
  /** Removes what stands below this offset in partition 0 of the dead letters, as retention would. */
  removeBelow(offset: number): Promise<void>;
  /** Lets the input topic take no larger batches than this: its `max.message.bytes`. */
  bound(bytes: number): Promise<void>;
  /** All committed records of a topic, in offset order partition by partition; transactions under way are waited for. */
  read(topic: string): Promise<readonly InputRecord[]>;
}

/** A record that failed. */
export interface Failure {
  readonly key: string | null;
  readonly value: Uint8Array | string | null;
  readonly partition?: number;
  readonly offset?: number;
  readonly headers?: readonly Header[];
  readonly errorClass?: string;
}

const encoder = new TextEncoder();
let failures = 0;

/** Makes the topics, with names of their own. */
export async function deadLetterTopics(): Promise<DeadLetterTopics> {
  const { kafkaBrokers: brokers } = await services();
  const client = createKafkaClient({ brokers, clientId: "dead-letter-tests", ssl: false });
  const input = `in-${crypto.randomUUID()}`;
  const dlq = `${input}.DLQ`;
  await ensureTopics(
    client,
    [input, dlq].map((topic) => ({ topic, partitions: 2, replicationFactor: 1 })),
  );
  return {
    client,
    input,
    dlq,
    open: (options = {}) =>
      openDeadLetterStore(client, { topic: dlq, transactionTimeoutMs: 10_000, ...options }),
    async fail(...records) {
      await using producer = await openPlainProducer(client);
      await producer.send(records.map((failure) => deadLetterOf(failure, input, dlq)));
    },
    async removeBelow(offset) {
      const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      await admin.fetchTopicOffsets(dlq); // deleteTopicRecords does not look for the leader itself
      const partitions = [{ partition: 0, offset: String(offset) }];
      await admin.deleteTopicRecords({ topic: dlq, partitions });
      await admin.disconnect();
    },
    async bound(bytes) {
      const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const configEntries = [{ name: "max.message.bytes", value: String(bytes) }];
      const type = ConfigResourceTypes.TOPIC;
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type, name: input, configEntries }],
      });
      await admin.disconnect();
    },
    async read(topic) {
      await using log = openRecordLog(client);
      const found: InputRecord[] = [];
      for (let partition = 0; partition < 2; partition++) {
        const { start: from } = await log.range({ topic, partition });
        // A commit is acknowledged before its marker is in the log: the last stable offset may lie below it still.
        const to = await log.highWatermark({ topic, partition });
        for await (const run of readRange(log, { topic, partition, from, to })) {
          found.push(...run.map(plainRecord));
        }
      }
      return found;
    },
  };
}

function deadLetterOf(failure: Failure, input: string, dlq: string) {
  const { key, value, partition = 0, headers = [], errorClass = "PoisonError" } = failure;
  const original: InputRecord = {
    topic: input,
    partition,
    offset: failure.offset ?? failures++,
    timestamp: 1_700_000_000_000,
    key: key === null ? null : encoder.encode(key),
    value: typeof value === "string" ? encoder.encode(value) : value,
    headers,
  };
  const reason = { errorClass, error: "cannot be", attempts: 1, groupId: "onceflow.test" };
  return deadLetter(original, reason, { topic: dlq, partitionCount: 2 });
}

/** The value as text. */
export function valueText({ value }: Pick<InputRecord, "value">): string {
  return value === null ? "null" : new TextDecoder().decode(value);
}

/** Headers as pairs of texts. */
export function headerTexts({ headers }: Pick<InputRecord, "headers">): string[] {
  return headers.map(([name, value]) => `${name}=${valueText({ value })}`);
}

/** A header for a record. */
export const header = textHeader;
