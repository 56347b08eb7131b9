/** The projector: follows one partition and folds it into the live tables. It never moves a Kafka offset. */
import { getLogger } from "../packages/logtape.ts";
import { HaltError } from "../core/errors.ts";
import type { Health } from "../core/health.ts";
import type { Assignment, BatchBounds, InputBatch, PartitionReader } from "../core/ports.ts";
import { formatPartition, type InputRecord, type TopicPartition } from "../core/record.ts";
import { TopicGoneError } from "../core/topic_gone_error.ts";
import type { Sql } from "../postgres/sql.ts";
import type { OnFoldStep } from "./apply_batch.ts";
import { checkRange, checkSameLog } from "./check_position.ts";
import type { Projection, ProjectionEvent } from "./define_projection.ts";
import { foldBatch } from "./fold_batch.ts";
import { type Dedupe, type FoldTarget, liveTarget } from "./fold_target.ts";
import { type OpenPosition, positionOpener } from "./open_positions.ts";
import type { FoldedPartition } from "./positions.ts";
import { type KafkaWaiter, waitForKafka } from "./wait_for_kafka.ts";
import { type Backoff, type OnDependency, waitForPostgres } from "./wait_for_postgres.ts";

const log = getLogger(["onceflow", "projection"]);

/** What was folded, told after its commit. */
export interface AppliedBatch extends TopicPartition {
  /** The next offset to fold. */
  readonly nextOffset: number;
  /** Events that were folded. */
  readonly events: number;
  /** Records that held no event of this projection. */
  readonly skipped: number;
  /** Events that were folded before; only under `dedupe: "event_id"`. */
  readonly repeated: number;
  /** The first record of the batch. */
  readonly first?: InputRecord;
}

/** A position that was moved by somebody else. */
export interface MovedPosition extends TopicPartition {
  /** The offset that this projector would have folded next, */
  readonly from: number;
  /** and the one that it folds next. */
  readonly to: number;
}

/** What a projector needs. */
export interface ProjectorDeps<Event extends ProjectionEvent> {
  readonly sql: Sql;
  readonly projection: Projection<Event>;
  readonly dedupe: Dedupe;
  readonly bounds: BatchBounds;
  readonly backoff: Backoff;
  /** Told what stands in the projector's way, as `projection:<name>`. */
  readonly health?: Health;
  /** The same for all projectors of a process; one of its own where absent. */
  readonly openPosition?: OpenPosition;
  /** The identity of a topic in the cluster, where it is known. */
  topicId?(topic: string): string | undefined | Promise<string | undefined>;
  /** Where it writes how far it has come. */
  readonly standing?: { position: number };
  /** Its position fits the tables and the log: from here on it folds. */
  onStarted?(partition: TopicPartition): void;
  onApplied?(applied: AppliedBatch): void;
  /** The position was not where this projector left it: another one folded on, or a rebuild was swapped in. */
  onMoved?(moved: MovedPosition): void;
  readonly onDependency?: OnDependency;
  readonly onStep?: OnFoldStep;
}

/**
 * Folds a partition until its assignment ends (then it resolves). Its place in the log comes from Postgres, not from
 * the consumer group. While Postgres is down it waits and goes on by itself. A record without an event of this
 * projection is skipped and counted: the bytes are the dead letters' business.
 *
 * @throws {RebuildNeededError} when the position lies outside the log, the tables are of another version, or the topic was
 * recreated and is not `replaceable` ({@linkcode projectPatiently} waits for the rebuild)
 * @throws {TopicGoneError} when the topic was deleted ({@linkcode projectPatiently} waits for another one)
 * @throws {HaltError} when the tables refuse a record; all records before that one are folded
 */
export async function projectPartition<Event extends ProjectionEvent>(
  assignment: Pick<Assignment, "reader" | "signal">,
  deps: ProjectorDeps<Event>,
): Promise<void> {
  const { reader, signal } = assignment;
  const target = liveTarget(deps.projection, deps.dedupe);
  try {
    let { position, place } = await startReading(reader, target, deps, signal);
    while (true) {
      const batch = await nextBatch(reader, target, deps, signal);
      if (batch === undefined) {
        ({ position, place } = await startReading(reader, target, deps, signal));
        continue;
      }
      if (batch.records.length === 0 && batch.nextOffset === position) continue;
      const outcome = await foldBatch(deps, target, place, position, batch, signal);
      if (outcome.kind === "applied") {
        position = batch.nextOffset;
        if (deps.standing) deps.standing.position = position;
        const { topic, partition } = reader;
        const [first] = batch.records;
        deps.onApplied?.({ ...outcome, topic, partition, nextOffset: position, first });
      } else {
        const from = position;
        ({ position, place } = await startReading(reader, target, deps, signal));
        log.info("{partition} had moved from {from}; going on from {position}", {
          partition: formatPartition(reader),
          from,
          position,
        });
        deps.onMoved?.({ topic: reader.topic, partition: reader.partition, from, to: position });
      }
    }
  } catch (error) {
    if (signal.aborted && error === signal.reason) return;
    throw error;
  }
}

async function startReading<Event extends ProjectionEvent>(
  reader: PartitionReader,
  target: FoldTarget<Event>,
  deps: ProjectorDeps<Event>,
  signal: AbortSignal,
): Promise<{ readonly position: number; readonly place: FoldedPartition }> {
  const waiter = kafkaWaiter(reader, deps, signal);
  const topicId = await waitForKafka(
    async () => await (deps.topicId ? deps.topicId(reader.topic) : reader.topicId?.()),
    waiter,
  );
  const { openPosition = positionOpener(deps.sql, target) } = deps;
  const { nextOffset: position, mark } = await waitForPostgres(
    () => openPosition(reader, topicId),
    deps.backoff,
    signal,
    deps.onDependency,
  );
  await checkRange(reader, target, position, waiter);
  await checkSameLog(reader, target, mark, waiter);
  reader.seek(position);
  if (deps.standing) deps.standing.position = position;
  deps.onStarted?.(reader);
  const { topic, partition } = reader;
  return { position, place: { topic, partition, ofTopic: topicId } };
}

/**
 * Undefined where the topic was deleted: a start says what comes then. The reader's own words for an offset that is gone speak
 * of a group's offset; here the rebuild is the way out.
 */
async function nextBatch<Event extends ProjectionEvent>(
  reader: PartitionReader,
  target: FoldTarget<Event>,
  deps: ProjectorDeps<Event>,
  signal: AbortSignal,
): Promise<InputBatch | undefined> {
  try {
    return await reader.next(deps.bounds, signal);
  } catch (error) {
    if (error instanceof TopicGoneError) return;
    // Asked from the start again: a position outside the log has its own words.
    if (error instanceof HaltError) await startReading(reader, target, deps, signal);
    throw error;
  }
}

function kafkaWaiter<Event extends ProjectionEvent>(
  partition: TopicPartition,
  { projection, backoff, health }: ProjectorDeps<Event>,
  signal: AbortSignal,
): KafkaWaiter {
  return { projection: projection.name, partition, backoff, signal, health };
}
