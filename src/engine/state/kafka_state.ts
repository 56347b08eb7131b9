/** The state of a flow on Kafka: makes its topic, and gives lanes what they read it with. */
import type { Flow } from "../core/flow.ts";
import type { TopicPartition } from "../core/record.ts";
import type { LaneState } from "../core/state.ts";
import type { RecordLog } from "../dead_letters/record_log.ts";
import { named } from "../kafka/error_verdict.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import type { RecordClock } from "../kafka/record_clock.ts";
import type { TopicDirectory } from "../kafka/topic_directory.ts";
import { compactedTopicConfig } from "../kafka/topic_config.ts";
import { ensureTopics } from "../kafka/topics.ts";
import { checkCounts, framingBytes, openStateChangelog, stateTopicOf } from "./state_changelog.ts";

/**
 * Makes the topic of the flow's state where it keeps some and the topic is missing. `counts` are the partitions of topics.
 *
 * @throws {HaltError} when its partitions are not those of each input
 */
export async function ensureStateTopic<T>(
  client: KafkaClient,
  flow: Flow<T>,
  counts: ReadonlyMap<string, number>,
  replicationFactor: number,
): Promise<void> {
  if (!flow.state) return;
  const topic = stateTopicOf(flow);
  const partitions = Math.max(...flow.inputs.map(({ name }) => counts.get(name) ?? 1));
  const made = await ensureTopics(client, [{
    ...{ topic, partitions, replicationFactor },
    uses: ["state"],
    needs: ["Read", "Write"],
    // What is still written is not compacted, and is read whole by whoever takes over.
    config: { ...compactedTopicConfig, "segment.bytes": "16777216" },
  }]);
  for (const { name } of flow.inputs) {
    const state = { topic, partitions: made.get(topic) };
    checkCounts({ topic: name, partitions: counts.get(name) }, state);
  }
}

/** What the flow's lanes read their state with; undefined where it keeps none. */
export function openKafkaState<T>(
  flow: Flow<T>,
  { log, topics, clock }: {
    readonly log: RecordLog;
    readonly topics: TopicDirectory;
    readonly clock: RecordClock;
  },
  { requestBytesMax, stateBytesMax }: {
    readonly requestBytesMax: number;
    readonly stateBytesMax: number;
  },
): { lane(input: TopicPartition): LaneState } | undefined {
  const topic = stateTopicOf(flow);
  const limit = () => Math.min(requestBytesMax, topics.recordBytesMax(topic) ?? Infinity);
  const changelog = openStateChangelog(log, flow, {
    bytesMax: stateBytesMax,
    valueBytesMax: () => limit() - framingBytes,
    now: () => clock.clusterNow(),
  });
  return changelog && {
    lane(input) {
      const state = changelog.lane(input);
      return {
        ...state,
        // A lane waits for what can be granted.
        load: (...request) =>
          named("Cannot read the flow's state", {}, () => state.load(...request)),
        [Symbol.dispose]: () => state[Symbol.dispose](),
      };
    },
  };
}
