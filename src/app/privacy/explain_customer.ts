/** All places that hold a customer's name, and for how long: tables and topics. Changes nothing. */
import { withCluster } from "../../engine/kafka/group_standing.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { describeTopicSettings } from "../../engine/kafka/topic_settings.ts";
import { openRecordLog } from "../../engine/dead_letters/kafka_record_log.ts";
import type { Queryable } from "../../engine/postgres/sql.ts";
import { type CustomerRows, findCustomerRows } from "../orders/customer_rows.ts";
import { type CustomerInTopic, findCustomerInTopic, type TopicAge } from "./customer_in_topic.ts";

/** Where a customer's name stands. */
export interface CustomerExplanation {
  readonly customer: string;
  readonly tables: CustomerRows;
  readonly topics: readonly CustomerInTopic[];
  /** How long rows of the outbox and keys of requests are kept, hours. */
  readonly outboxHours: number;
  readonly idempotencyHours: number;
}

/** Where to look. */
export interface CustomerPlaces {
  /** Orders, invoices, dead letters. */
  readonly topics: readonly [orders: string, ...others: string[]];
  /** The name of the read model's projection. */
  readonly projection: string;
  readonly outboxHours: number;
  readonly idempotencyHours: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

/** Reads the three topics from their first record on. */
export async function explainCustomer(
  sql: Queryable,
  client: KafkaClient,
  customer: string,
  { topics, projection, outboxHours, idempotencyHours, signal, onProgress }: CustomerPlaces,
): Promise<CustomerExplanation> {
  const tables = await findCustomerRows(sql, customer, { ordersTopic: topics[0], projection });
  const ages = await agesOf(client, topics);
  await using log = openRecordLog(client);
  const found: CustomerInTopic[] = [];
  for (const topic of topics) {
    onProgress?.(`reading ${topic}`);
    found.push(await findCustomerInTopic(log, topic, customer, ages.get(topic), signal));
  }
  return { customer, tables, topics: found, outboxHours, idempotencyHours };
}

/** Whether anything names the customer. */
export function isKnown({ tables, topics }: CustomerExplanation): boolean {
  return topics.some(({ records }) => records > 0) ||
    Object.values(tables).some((rows) => typeof rows === "number" && rows > 0);
}

async function agesOf(
  client: KafkaClient,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicAge>> {
  const settings = await withCluster(
    client,
    (cluster) => describeTopicSettings(cluster, topics, ["retention.ms", "segment.ms"]),
  );
  return new Map(
    settings.filter(({ errorCode }) => errorCode === 0).map(({ topic, values }) => [topic, {
      retentionMs: Number(values.get("retention.ms") ?? NaN),
      segmentMs: Number(values.get("segment.ms") ?? 0),
    }]),
  );
}
