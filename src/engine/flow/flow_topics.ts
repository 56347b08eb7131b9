/** Says which topics a flow needs, and what for. It makes none. */
import type { Flow } from "../core/flow.ts";
import type { TopicSpec, TopicUse } from "../kafka/topic_spec.ts";
import { deadLetterTopicConfig } from "../kafka/topic_config.ts";

/** Of the topics that are made because they are missing, and of the largest record that is written. */
interface FlowTopicOptions {
  readonly topicPartitions: number;
  readonly topicReplicationFactor: number;
  readonly requestBytesMax: number;
  readonly deadLetterRetentionMs: number;
}

/** The names of the topics that it reads. */
export function inputsOf<T>({ inputs }: Flow<T>): string[] {
  return inputs.map(({ name }) => name);
}

/** The names of the topics that it writes to: its outputs, and the dead letters of its inputs. */
export function writtenBy<T>(flow: Flow<T>): string[] {
  return [...flow.to.map(({ name }) => name), ...new Set(inputsOf(flow).map(flow.deadLettersOf))];
}

/** The topics of the flow itself; made where they are missing, checked where they are there. */
export function topicsOf<T>(flow: Flow<T>, options: FlowTopicOptions): TopicSpec[] {
  const inputs = inputsOf(flow);
  const letters = inputs.map(flow.deadLettersOf);
  return [...new Set([...inputs, ...writtenBy(flow)])].map((topic) => {
    const isInput = inputs.includes(topic);
    const isDeadLetters = letters.includes(topic);
    const uses: TopicUse[] = [
      ...(isInput ? ["input" as const] : []),
      ...(isDeadLetters ? ["dead-letters" as const] : isInput ? [] : ["output" as const]),
    ];
    return {
      topic,
      partitions: options.topicPartitions,
      replicationFactor: options.topicReplicationFactor,
      recordBytesMax: options.requestBytesMax,
      uses,
      needs: [isInput ? "Read" : "Write"],
      ...(isDeadLetters && { config: deadLetterTopicConfig(options.deadLetterRetentionMs) }),
    };
  });
}
