/** Runs any flow: a member of its group, one lane a partition, with the guarantee that is asked for. */
import { atLeastOnce, atMostOnce, type Delivery, exactlyOnce } from "../core/delivery.ts";
import { type Flow, inNamespace } from "../core/flow.ts";
import { GroupCommitter } from "../core/group_committer.ts";
import { createHealth, type Health } from "../core/health.ts";
import { runLane } from "../core/lane.ts";
import type { LaneObserver } from "../core/lane_observer.ts";
import { LaneBoard } from "../core/lane_board.ts";
import type { TopicPartition } from "../core/record.ts";
import { openRecordLog } from "../dead_letters/kafka_record_log.ts";
import { createParking } from "../dead_letters/create_parking.ts";
import { stateTopics } from "../dead_letters/open_dead_letter_store.ts";
import { bufferBatches } from "../kafka/buffer_share.ts";
import { openCrashLog } from "../kafka/crash_log.ts";
import { fetcherDefaults, type FetcherOptions } from "../kafka/fetcher.ts";
import { chooseStart } from "../kafka/first_starts.ts";
import { openGroupBeginnings } from "../kafka/group_beginnings.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { laneNotesTopic, openLaneNotes } from "../kafka/lane_notes.ts";
import { runMembership } from "../kafka/membership.ts";
import { openPlainProducer } from "../kafka/plain_producer.ts";
import { createTransactions } from "../kafka/transactions.ts";
import type { TransactorOptions } from "../kafka/transactor.ts";
import { createTopicDirectory } from "../kafka/topic_directory.ts";
import { ensureTopics } from "../kafka/topics.ts";
import { inputsOf, topicsOf, writtenBy } from "./flow_topics.ts";
import { partitionCountOf, withTopics } from "./known_topics.ts";
import { laneName, reportTransactions } from "./report_transactions.ts";
import { ensureStateTopic, openKafkaState } from "../state/kafka_state.ts";
import { stateTopicOf } from "../state/state_changelog.ts";
import { untilAnswered } from "../kafka/until_answered.ts";
import { watchUntilDisposed } from "./watch_lanes.ts";
import { watching, type WatchOptions } from "../kafka/watch_transactions.ts";
import { traceDeadLetters } from "../observe/trace_dead_letters.ts";
import { traceFlow } from "../observe/trace_flow.ts";
import { traceSettling } from "../observe/trace_transactions.ts";

/** Bounds of a running flow. */
export interface RunFlowOptions {
  /** `exactly-once` unless said otherwise. */
  readonly guarantee: "exactly-once" | "at-least-once" | "at-most-once";
  /** Records in one transaction. */
  readonly batchRecordsMax: number;
  /** Bytes of input in one transaction. */
  readonly batchBytesMax: number;
  /** No record is begun after this long in one transaction, milliseconds. */
  readonly batchPlanMsMax: number;
  /** The largest record and the largest record batch, bytes; below the topics' `max.message.bytes`. */
  readonly requestBytesMax: number;
  /** The coordinator aborts a transaction that is open for longer, milliseconds. */
  readonly transactionTimeoutMs: number;
  /** The group gives a silent member's partitions away after this long, milliseconds. */
  readonly sessionTimeoutMs: number;
  /** The longest pause before a dependency that is down is tried again, milliseconds. */
  readonly dependencyBackoffMsMax: number;
  /** Memory that the state of all partitions of this process may take, bytes, near enough; it halts over it. */
  readonly stateBytesMax: number;
  /** Partitions of the topics that are made because they are missing. */
  readonly topicPartitions: number;
  /** Replicas of those topics; -1 for three, or as many as there are brokers. */
  readonly topicReplicationFactor: number;
  /** Told what stands in the way of this flow; the changes are logged where absent, too. */
  readonly health?: Health;
  /** Told what the lanes do. */
  readonly observer?: LaneObserver;
  /** Told of each partition in which a transaction was ended that Kafka had forgotten there. */
  readonly onForgotten?: (outcome: "commit" | "abort") => void;
  /** Told which partitions this process has, after each rebalance. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
}

/** What only tests and benchmarks set. */
export interface RunFlowHooks {
  readonly fetch?: FetcherOptions;
  readonly onStep?: TransactorOptions["onStep"];
  /** Somebody else watches the lanes, and the transactions on the flow's topics. */
  readonly board?: LaneBoard;
  /** How often open transactions are looked for. */
  readonly watch?: Pick<WatchOptions, "intervalMs" | "graceMs">;
}

/** Exactly-once, with bounds that suit a laptop as well as a server. */
export const runFlowDefaults: RunFlowOptions = {
  guarantee: "exactly-once",
  batchRecordsMax: 2_000,
  batchBytesMax: 4 * 1024 * 1024,
  batchPlanMsMax: 5_000,
  requestBytesMax: 900_000,
  transactionTimeoutMs: 10_000,
  sessionTimeoutMs: 10_000,
  dependencyBackoffMsMax: 5_000,
  stateBytesMax: 512 * 1024 * 1024,
  topicPartitions: 4,
  topicReplicationFactor: -1,
};

/** One transaction holds what so many lanes may plan at a time. */
const transactionBatches = 4;

/**
 * Runs the flow until the signal fires, then ends the transactions in hand, leaves the group and resolves. Several
 * processes with the same flow share its partitions. Topics that are missing are made.
 *
 * @throws {HaltError} when going on would lose or double something; a person must decide then
 */
export async function runFlow<T>(
  client: KafkaClient,
  defined: Flow<T>,
  signal: AbortSignal,
  given: Partial<RunFlowOptions> = {},
  hooks: RunFlowHooks = {},
): Promise<void> {
  const { names } = client;
  const flow = traceFlow(inNamespace(defined, names));
  const options = { ...runFlowDefaults, ...given };
  const health = options.health ?? createHealth();
  client.recordClock.reportTo(health);
  const parks = flow.park === "key";
  if (options.guarantee !== "exactly-once") refuseWeaker(flow);
  const state = [
    laneNotesTopic(names, options.topicReplicationFactor),
    ...(parks ? stateTopics(names, options.topicReplicationFactor) : []),
  ];
  const inputs = inputsOf(flow);
  const written = writtenBy(flow);
  const writesTo = [
    ...written,
    ...state.map(({ topic }) => topic),
    ...(flow.state ? [stateTopicOf(flow)] : []),
  ];
  await using topics = createTopicDirectory(client);
  const known = await untilAnswered(
    `look up the topics of flow ${flow.name}`,
    async () => {
      const counts = await ensureTopics(client, [...topicsOf(flow, options), ...state]);
      await ensureStateTopic(client, flow, counts, options.topicReplicationFactor);
      await topics.lookUp(writesTo);
      return true;
    },
    { signal, health },
  ).catch((error) => {
    if (signal.aborted) return false;
    throw error;
  });
  if (!known) return;
  await using log = openRecordLog(client);
  await using transactions = createTransactions(client, {
    transactionTimeoutMs: options.transactionTimeoutMs,
    batchBytesMax: options.requestBytesMax,
    topics,
    onStep: hooks.onStep,
    writesTo,
    onNews: reportTransactions(health, laneName, options.onForgotten),
    isOneOfSeveral: true,
  });
  const notes = client.cluster();
  await using _notes = { [Symbol.asyncDispose]: () => notes.disconnect() };
  const openProducer = () =>
    openPlainProducer(client, { batchBytesMax: options.requestBytesMax, topics });
  await using laneNotes = openLaneNotes(client, health, options.topicReplicationFactor);
  using beginnings = openGroupBeginnings(client);
  const { startFrom = "earliest", takeOver } = flow;
  const first = { choose: chooseStart(client, startFrom, beginnings), takeOver };
  await using committer = new GroupCommitter(flow.groupId, traceSettling(transactions), {
    recordsMax: transactionBatches * options.batchRecordsMax,
    bytesMax: transactionBatches * options.batchBytesMax,
  }, health);
  const deliveries: Record<RunFlowOptions["guarantee"], Delivery> = {
    "exactly-once": exactlyOnce(committer, laneNotes),
    "at-least-once": atLeastOnce(openProducer),
    "at-most-once": atMostOnce(openProducer),
  };
  const target = {
    partitionCount: (topic: string) => partitionCountOf(topics, written, topic),
    topicBytesMax: topics.recordBytesMax,
    recordBytesMax: options.requestBytesMax,
    planMsMax: options.batchPlanMsMax,
  };
  const bounds = {
    recordsMax: options.batchRecordsMax,
    bytesMax: options.batchBytesMax,
    dependencyBackoffMsMax: options.dependencyBackoffMsMax,
    health,
    first,
  };
  const observer = traceDeadLetters(options.observer ?? {}, flow.deadLettersOf);
  const kept = openKafkaState(flow, { log, topics }, options);
  const delivery = withTopics(topics, deliveries[options.guarantee]);
  await using _transactions = hooks.board ? undefined : watching(client, {
    topics: [...inputs, ...written],
    health,
    onNews: (_id, news) => news.kind === "ended" && options.onForgotten?.(news.outcome),
    ...hooks.watch,
  });
  const board = hooks.board ?? new LaneBoard();
  await using _watch = hooks.board ? undefined : watchUntilDisposed(client, {
    ...{ board, health, transactionTimeoutMs: options.transactionTimeoutMs },
    transactionalGroups: new Set(options.guarantee === "exactly-once" ? [flow.groupId] : []),
  });
  await runMembership(client, {
    groupId: flow.groupId,
    topics: inputs,
    together: flow.state !== undefined,
    health,
    sessionTimeoutMs: options.sessionTimeoutMs,
    bufferBytesMax: bufferBatches * options.batchBytesMax,
    fetch: hooks.fetch ?? fetcherDefaults,
    onAssigned: options.onAssigned,
    committer: options.guarantee === "exactly-once" ? committer : undefined,
    lane: async (assignment) => {
      const { topic } = assignment.reader;
      const parking = parks ? createParking(log, flow.deadLettersOf(topic)) : undefined;
      const crashLog = openCrashLog(notes, flow.groupId, assignment.reader, client.user);
      using state = kept?.lane(assignment.reader);
      await board.during(assignment, (standing) =>
        runLane(
          ...[flow, assignment, delivery, target] as const,
          { ...bounds, parking, crashLog, standing, state },
          observer,
        ));
    },
  }, signal);
}

function refuseWeaker<T, S>({ name, park, takeOver, state }: Flow<T, S>): void {
  const what = park === "key"
    ? 'park: "key"'
    : takeOver
    ? "takeOver"
    : state
    ? "its state"
    : undefined;
  if (!what) return;
  throw new TypeError(`Cannot run flow "${name}": ${what} needs the guarantee exactly-once`);
}
