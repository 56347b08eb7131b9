/** Where one order is at this moment, and why it is not further. Reads only. */
import { type Horizon, horizon } from "../../engine/outbox/horizon.ts";
import type { Sql } from "../../engine/postgres/sql.ts";
import { addedHeaders, loadLog, type LogLoader } from "./load_log.ts";
import { noteEnds, noteOffsets, offsetsByPartition } from "./load_offsets.ts";
import { loadRows } from "./load_rows.ts";
import type { LogReader, TopicEnds } from "./log_reader.ts";
import { historyFromSpill } from "./history_from_spill.ts";
import type { OrderHistory } from "./order_history.ts";
import { type OrderStanding, standingOf } from "./order_standing.ts";
import { type FindHindrances, noteHindrances } from "./hindrance.ts";
import type { OrderProblem } from "./read_events.ts";
import type { PipelineNames } from "./pipeline_names.ts";
import type { LogRecord } from "./reader_frames.ts";
import { openSpill } from "./spill.ts";
import { noteWithheld } from "./withheld.ts";

/** How to explain. */
export interface ExplainOptions {
  readonly names: PipelineNames;
  readonly spillDir: string;
  readonly signal: AbortSignal;
  /** Which records are orders, as for the checker. */
  readonly orderProblem?: OrderProblem;
  /** Says why transactions that hold something back are open. */
  readonly findHindrances?: FindHindrances;
}

/** A person waits for the answer: an offset that is pending longer is taken as it was before. */
const pendingOffsetWaitMs = 1_000;

/** All that is known of an order. */
export interface OrderExplanation {
  readonly order_id: string;
  readonly standing: OrderStanding;
  readonly history: OrderHistory;
  /** Who holds the outbox back; only for an order that waits there. */
  readonly horizon: Horizon | null;
}

/**
 * Gathers what Postgres and Kafka say of one order. The logs are read by the independent reader, first the partitions that
 * Kafka's partitioner gives to the key.
 *
 * @throws {UnreachableError} when Kafka or Java cannot be reached
 */
export async function explainOrder(
  sql: Sql,
  reader: LogReader,
  orderId: string,
  { names, spillDir, signal, orderProblem, findHindrances }: ExplainOptions,
): Promise<OrderExplanation> {
  using spill = openSpill(spillDir);
  const topics = [names.ordersTopic, names.invoicesTopic, names.deadLettersTopic];
  topics.forEach((topic, place) => spill.run("insert into role values (?, ?)", place, topic));
  const { ordersTopic, projection } = names;
  // Offsets before the logs: what they cover is in the logs by then. The logs before the rows, likewise.
  const offsetsOf = (group: string, topic: string) =>
    offsetsByPartition(reader, spill, group, topic, pendingOffsetWaitMs);
  const cursor = await offsetsByPartition(
    ...[reader, spill, names.relayGroup, names.cursorTopic, pendingOffsetWaitMs] as const,
    (shard, metadata) => noteWithheld(spill, ordersTopic, shard, metadata),
  );
  const consumed = await offsetsOf(names.invoicingGroup, ordersTopic);
  noteOffsets(spill, "relayed_up_to", cursor, cursor);
  noteOffsets(spill, "consumed", consumed, consumed);
  const ends = await reader.ends(topics, 0);
  noteEnds(spill, ends);
  await readKey(
    reader,
    topics,
    ends,
    orderId,
    loadLog(spill, ordersTopic, orderProblem, names.invoicingGroup),
  );
  await loadRows(sql, spill, { ordersTopic, projection, orderId }, signal);
  await noteHindrances(spill, topics, findHindrances);
  const standing = standingOf(spill, names);
  return {
    order_id: orderId,
    standing,
    history: historyFromSpill(spill, orderId, names),
    horizon: standing.stage === "in the outbox" ? await horizon(sql) : null,
  };
}

async function readKey(
  reader: LogReader,
  topics: readonly string[],
  ends: readonly TopicEnds[],
  orderId: string,
  load: LogLoader,
): Promise<void> {
  await reader.omitHeaders(addedHeaders);
  const loaders = [load.published, load.invoiced, load.dead];
  const key = new TextEncoder().encode(orderId);
  for (const [place, topic] of topics.entries()) {
    const loader = loaders[place];
    const partitions = ends.find((end) => end.topic === topic)?.partitions ?? [];
    if (loader === undefined || partitions.length === 0) continue;
    await readPartitionOfKey(reader, topic, partitions, key, loader);
  }
}

/**
 * Reads the partition that the key belongs to, and where it holds nothing of the key all others: partitions may have been
 * added since, and a dead letter stands in the partition of its original's number.
 */
async function readPartitionOfKey(
  reader: LogReader,
  topic: string,
  partitions: TopicEnds["partitions"],
  key: Uint8Array,
  onRecord: (record: LogRecord) => void,
): Promise<void> {
  const number = await reader.partitionOf(key, partitions.length);
  let found = 0;
  const read = async ({ partition, ...ends }: TopicEnds["partitions"][number]) => {
    const { start: from, lastStable: stable, highWatermark: to } = ends;
    await reader.read({ topic, partition, from, stable, to, key }, (record) => {
      found++;
      onRecord(record);
    });
  };
  for (const range of partitions) if (range.partition === number) await read(range);
  if (found > 0) return;
  for (const range of partitions) if (range.partition !== number) await read(range);
}
