/** Takes a consistent cut through a pipeline that may be running. Reads in the order that the argument below needs. */
import type { Sql } from "../../engine/postgres/sql.ts";
import type { ConservationOptions } from "./conservation_options.ts";
import { addedHeaders, loadLog } from "./load_log.ts";
import { loadErased, notesOfErased } from "./load_erased.ts";
import { loadLateRows } from "./load_orders.ts";
import { loadRows } from "./load_rows.ts";
import { noteEnds, noteOffsets, offsetsByPartition } from "./load_offsets.ts";
import { noteHindrances } from "./hindrance.ts";
import type { LogReader, PartitionEnds, TopicEnds } from "./log_reader.ts";
import type { LogRecord } from "./reader_frames.ts";
import type { Spill } from "./spill.ts";
import { noteWithheld } from "./withheld.ts";

/** What the cut could not see. */
export interface Cut {
  readonly projectionInstalled: boolean;
  readonly notes: readonly string[];
}

/**
 * # Why this is sound while everything runs
 *
 * An effect is read *before* its cause whenever the claim is "no effect without a cause", and *after* it whenever the
 * claim is "no cause without its effect"; what lies between the two moments is undecided, and nothing is claimed of it.
 *
 *  1. One Postgres snapshot S1: read model and its positions P, order rows, outbox rows.
 *  2. The relay's cursor C1, the invoicing group's offsets O1 and the redrive group's, all stable (KIP-447).
 *  3. The high watermarks E of the outcome topics, then of the orders topic; the reader waits until the last stable offset
 *     has reached them, so every transaction that had written below E by then has ended.
 *  4. The records below E, twice (read_committed and read_uncommitted).
 *  5. The redrive group's offsets, O2 and C2, stable again.
 *  6. A second Postgres snapshot S2, for events in the log that S1 does not hold.
 *
 * - *Lost*. A transaction that committed an offset below O1 had written its outputs before it ended, hence below E (3 is
 *   after 2): the outcome of every publication below O1 must be among what was read. In the same way every outbox row
 *   of S1 below C1 must be published below E, but for those that C1's metadata says are held back; and an order of S1 whose outbox row was gone in S1 was already published
 *   and retired then. Publications at or above O1, and rows at or above C1, are undecided.
 * - *Torn, invented*. Every outcome that was read below E became visible together with its offset, so O2, taken
 *   afterwards, covers it. The record that it came from was on the orders topic before it, hence below E of the orders
 *   topic, which is taken after that of the outcome topics. Every publication that was read had been committed in
 *   Postgres before it was sent, so S2, taken afterwards, holds its row, and C2 covers its position.
 * - *Doubled, altered, out of order* speak of what was read alone, and hold of any prefix.
 * - *Offsets within the log*. O1 was committed before E was taken; O2 may well be above E.
 * - *Projection*. P and the rows are of one snapshot and P <= E (3 is after 1): the fold of the log below P is exact.
 * - A transaction that is still open when the wait is over leaves its records and all behind them pending: they count
 *   neither as there nor as missing, and the open transaction itself is the finding.
 */
export async function takeCut(
  sql: Sql,
  reader: LogReader,
  spill: Spill,
  options: ConservationOptions,
): Promise<Cut> {
  const { names, signal, openTransactionWaitMs } = options;
  const topics = [names.ordersTopic, names.invoicesTopic, names.deadLettersTopic];
  topics.forEach((topic, place) => spill.run("insert into role values (?, ?)", place, topic));
  const source = { ordersTopic: names.ordersTopic, projection: names.projection };

  options.onProgress?.("reading Postgres");
  const { missingTables } = await loadRows(sql, spill, source, signal);

  const offsetsOf = (group: string, topic: string) =>
    offsetsByPartition(reader, spill, group, topic, openTransactionWaitMs);
  const cursorBefore = await offsetsByPartition(
    ...[reader, spill, names.relayGroup, names.cursorTopic, openTransactionWaitMs] as const,
    (shard, metadata) => noteWithheld(spill, names.ordersTopic, shard, metadata),
  );
  const consumedBefore = await offsetsOf(names.invoicingGroup, names.ordersTopic);
  const redrivenBefore = await offsetsOf(names.redriveGroup, names.deadLettersTopic);
  const outcomeEnds = await reader.ends(topics.slice(1), openTransactionWaitMs);
  const orderEnds = await reader.ends(topics.slice(0, 1), openTransactionWaitMs);
  const ends = [...orderEnds, ...outcomeEnds];
  if (ends.length === 0) refuseNothing(topics, missingTables);
  noteEnds(spill, ends);

  await readTopics(reader, spill, topics, ends, options);

  const redrivenAfter = await offsetsOf(names.redriveGroup, names.deadLettersTopic);
  const consumedAfter = await offsetsOf(names.invoicingGroup, names.ordersTopic);
  const cursorAfter = await offsetsOf(names.relayGroup, names.cursorTopic);
  const partitions = orderEnds[0]?.partitions.map(({ partition }) => partition) ?? [];
  noteOffsets(spill, "consumed", consumedBefore, consumedAfter, partitions);
  noteOffsets(spill, "relayed_up_to", cursorBefore, cursorAfter);
  noteOffsets(spill, "redriven_up_to", redrivenBefore, redrivenAfter);
  await noteHindrances(spill, topics, options.findHindrances);

  if (!missingTables.includes("orders") && !missingTables.includes("outbox")) {
    await loadLateRows(sql, spill, source, signal);
    if (!missingTables.includes("erased_orders")) await loadErased(sql, spill, { late: true });
    const [row] = await sql<{ taken: string }[]>`
      select case when is_called then last_value else 0 end::text as taken from outbox_position
    `;
    spill.run("insert into outbox_end values (?)", Number(row?.taken ?? 0));
  }
  return {
    projectionInstalled: !missingTables.includes("order_view"),
    notes: [
      ...notesOfTables(missingTables),
      ...notesOfErased(spill),
      ...notesOfTopics(topics, ends),
    ],
  };
}

async function readTopics(
  reader: LogReader,
  spill: Spill,
  topics: readonly string[],
  ends: readonly TopicEnds[],
  { names, signal, orderProblem, onProgress }: ConservationOptions,
): Promise<void> {
  await reader.omitHeaders(addedHeaders);
  const load = loadLog(spill, names.ordersTopic, orderProblem, names.invoicingGroup);
  const loaders = [load.published, load.invoiced, load.dead];
  for (const [place, topic] of topics.entries()) {
    const loader = loaders[place];
    if (loader === undefined) continue;
    for (const range of ends.find((end) => end.topic === topic)?.partitions ?? []) {
      signal.throwIfAborted();
      onProgress?.(`reading ${topic}-${range.partition}`);
      await readPartition(reader, spill, topic, range, loader);
    }
  }
}

async function readPartition(
  reader: LogReader,
  spill: Spill,
  topic: string,
  { partition, start, lastStable, highWatermark }: PartitionEnds,
  onRecord: (record: LogRecord) => void,
): Promise<void> {
  const range = { topic, partition, from: start, stable: lastStable, to: highWatermark };
  const summary = await reader.read(range, onRecord);
  if (summary.start === start) return;
  // Retention moved the log's start while it was being read: what lies below is as if it had never been there.
  spill.run(
    "update log_end set start = ? where topic = ? and partition = ?",
    summary.start,
    topic,
    partition,
  );
}

/** Books that are not there balance: neither a wrong address nor a wrong namespace may look like that. */
function refuseNothing(topics: readonly string[], missingTables: readonly string[]): void {
  if (!["orders", "outbox"].every((table) => missingTables.includes(table))) return;
  throw new Error(
    "There is nothing to check: the database of DATABASE_URL has no tables of the pipeline, and the Kafka of " +
      `KAFKA_BROKERS none of its topics (${
        topics.join(", ")
      }). Correct these settings, or NAMESPACE; a pipeline that was ` +
      "never started has no books yet",
  );
}

function notesOfTables(missing: readonly string[]): string[] {
  return missing.map((table) =>
    `table ${table} is not in this database: what depends on it was not checked`
  );
}

function notesOfTopics(topics: readonly string[], ends: readonly TopicEnds[]): string[] {
  const notes: string[] = [];
  for (const topic of topics) {
    const found = ends.find((end) => end.topic === topic);
    if (found === undefined) notes.push(`topic ${topic} does not exist yet: it counts as empty`);
    const cut = found?.partitions.filter(({ start }) => start > 0).length ?? 0;
    if (cut > 0) {
      notes.push(
        `retention has removed the beginning of ${topic} (${cut} partitions): ` +
          "what is older than the oldest record that is left was not checked",
      );
    }
  }
  return notes;
}
