/** Runs any flow: a member of its group, one lane a partition, with the guarantee that is asked for. */
import {
  atLeastOnce,
  atMostOnce,
  type Delivery,
  exactlyOnce,
  type Guarantee,
} from "../core/delivery.ts";
import { type Flow, inNamespace } from "../core/flow.ts";
import { GroupCommitter } from "../core/group_committer.ts";
import { createHealth } from "../core/health.ts";
import { runLane } from "../core/lane.ts";
import { LaneBoard } from "../core/lane_board.ts";
import { openRecordLog } from "../dead_letters/kafka_record_log.ts";
import { createParking } from "../dead_letters/create_parking.ts";
import { stateTopics } from "../dead_letters/open_dead_letter_store.ts";
import { bufferBatches } from "../kafka/buffer_share.ts";
import { openCrashLog } from "../kafka/crash_log.ts";
import { watchClusterTime } from "../kafka/cluster_time.ts";
import { fetcherDefaults } from "../kafka/fetcher_options.ts";
import { chooseStart } from "../kafka/first_starts.ts";
import { openGroupBeginnings } from "../kafka/group_beginnings.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { laneCheckpointsTopic, openLaneCheckpoints } from "../kafka/lane_checkpoints.ts";
import { runMembership } from "../kafka/membership.ts";
import { openPlainProducer } from "../kafka/plain_producer.ts";
import { createTransactions } from "../kafka/transactions.ts";
import { createTopicDirectory } from "../kafka/topic_directory.ts";
import { ensureTopics } from "../kafka/topics.ts";
import { inputsOf, topicsOf, writtenBy } from "./flow_topics.ts";
import { partitionCountOf, withTopics } from "./known_topics.ts";
import { guaranteeOf } from "./guarantee_of.ts";
import { laneName, reportTransactions } from "./report_transactions.ts";
import { runFlowDefaults, type RunFlowHooks, type RunFlowOptions } from "./run_flow_options.ts";
import { started } from "./started.ts";
import { tellNewGroup } from "./tell_new_group.ts";
import { ensureStateTopic, openKafkaState } from "../state/kafka_state.ts";
import { stateTopicOf } from "../state/state_changelog.ts";
import { untilAnswered } from "../kafka/until_answered.ts";
import { watchKept } from "./watch_kept.ts";
import { watchUntilDisposed } from "./watch_lanes.ts";
import { watching } from "../kafka/watch_transactions.ts";
import { traceDeadLetters } from "../observe/trace_dead_letters.ts";
import { traceFlow } from "../observe/trace_flow.ts";
import { traceSettling } from "../observe/trace_transactions.ts";

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
  const guarantee = guaranteeOf(flow, given.guarantee);
  const options = { ...runFlowDefaults, ...given, guarantee };
  const health = options.health ?? createHealth();
  client.recordClock.reportTo(health);
  const parks = flow.park === "key";
  const state = [
    laneCheckpointsTopic(names, options.topicReplicationFactor),
    ...(parks ? stateTopics(names, options.topicReplicationFactor) : []),
  ];
  const inputs = inputsOf(flow);
  const written = writtenBy(flow);
  const ofKeys = flow.state ? [stateTopicOf(flow)] : [];
  const writesTo = [...written, ...state.map(({ topic }) => topic), ...ofKeys];
  const kept = [...parks ? [names.parked] : [], ...ofKeys];
  await using topics = createTopicDirectory(client, hooks.topicsLookMs);
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
  await using _time = flow.state && await watchClusterTime(client);
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
  const crashes = client.cluster();
  await using _crashes = { [Symbol.asyncDispose]: () => crashes.disconnect() };
  const openProducer = () =>
    openPlainProducer(client, { batchBytesMax: options.requestBytesMax, topics });
  await using laneCheckpoints = openLaneCheckpoints(client, health, options.topicReplicationFactor);
  using beginnings = openGroupBeginnings(client);
  await tellNewGroup(client, flow, beginnings, signal);
  const { startFrom = "earliest", takeOver } = flow;
  const first = { choose: chooseStart(client, startFrom, beginnings), takeOver };
  await using committer = new GroupCommitter(flow.groupId, traceSettling(transactions), {
    recordsMax: transactionBatches * options.batchRecordsMax,
    bytesMax: transactionBatches * options.batchBytesMax,
  }, health);
  const deliveries: Record<Guarantee, Delivery> = {
    "exactly-once": exactlyOnce(committer, laneCheckpoints),
    "at-least-once": atLeastOnce(openProducer),
    "at-most-once": atMostOnce(openProducer),
  };
  const target = {
    partitionCount: (topic: string) => partitionCountOf(topics, topic),
    topicBytesMax: topics.recordBytesMax,
    timestamps: topics.timestamps,
    isCompacted: topics.isCompacted,
    recordBytesMax: options.requestBytesMax,
    planMsMax: options.batchPlanMsMax,
  };
  const bounds = {
    recordsMax: options.batchRecordsMax,
    bytesMax: options.batchBytesMax,
    dependencyBackoffMsMax: options.dependencyBackoffMsMax,
    health,
    first,
    watchKept: watchKept(topics, kept),
  };
  const observer = traceDeadLetters(options.observer ?? {}, flow.deadLettersOf);
  const states = openKafkaState(flow, { log, topics, clock: client.recordClock }, options);
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
  await using hooksOfFlow = await started(flow, signal);
  if (!hooksOfFlow) return;
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
      const crashLog = openCrashLog(crashes, flow.groupId, assignment.reader, client.user);
      const right = states?.lane(assignment.reader);
      using state = right && (hooks.state?.(right) ?? right);
      await board.during(assignment, (standing) =>
        runLane(
          ...[flow, assignment, delivery, target] as const,
          { ...bounds, parking, crashLog, standing, state },
          observer,
        ));
    },
  }, signal);
}
