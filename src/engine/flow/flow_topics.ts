/** Says which topics a flow needs, and what for. It makes none. */
import type { Flow } from "../core/flow.ts";
import type { TopicSpec, TopicUse } from "../kafka/topic_spec.ts";
import { deadLetterTopicConfig } from "../kafka/topics.ts";

/** Of the topics that are made because they are missing, and of the largest record that is written. */
interface FlowTopicOptions {
  readonly topicPartitions: number;
  readonly topicReplicationFactor: number;
  readonly requestBytesMax: number;
}

/** The topics of the flow itself; made where they are missing, checked where they are there. */
export function topicsOf<T>(flow: Flow<T>, options: FlowTopicOptions): TopicSpec[] {
  const names = [flow.from.name, ...flow.to.map(({ name }) => name), flow.deadLetters];
  return [...new Set(names)].map((topic) => {
    const isDeadLetters = topic === flow.deadLetters;
    const uses: TopicUse[] = [
      ...(topic === flow.from.name ? ["input" as const] : []),
      ...(isDeadLetters
        ? ["dead-letters" as const]
        : topic === flow.from.name
        ? []
        : ["output" as const]),
    ];
    return {
      topic,
      partitions: options.topicPartitions,
      replicationFactor: options.topicReplicationFactor,
      recordBytesMax: options.requestBytesMax,
      uses,
      needs: [topic === flow.from.name ? "Read" : "Write"],
      ...(isDeadLetters && { config: deadLetterTopicConfig }),
    };
  });
}
