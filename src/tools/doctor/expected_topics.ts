/** Which topics this configuration works with, those of Kafka itself among them. Pure. */
import type { Config } from "../../config.ts";
import { appTopics } from "../../app/compose/topics_of.ts";
import { namesIn } from "../../engine/core/names.ts";
import { stateTopics } from "../../engine/dead_letters/open_dead_letter_store.ts";
import { laneCheckpointsTopic } from "../../engine/kafka/lane_checkpoints.ts";
import { offsetsTopic, stateTopic } from "../../engine/kafka/open_transactions.ts";
import type { ExpectedTopic } from "./judge_topics.ts";

/** In the order in which they are listed. */
export function expectedTopics(config: Config): readonly ExpectedTopic[] {
  const names = namesIn(config.NAMESPACE);
  const replicationFactor = config.TOPIC_REPLICATION_FACTOR;
  return [
    ...appTopics(config).map((spec) => ({ spec, madeBy: "the worker" })),
    { spec: laneCheckpointsTopic(names, replicationFactor), madeBy: "the worker" },
    // Made when the first key is parked, or the first dead letter redriven.
    ...stateTopics(names, replicationFactor).map((spec) => ({ spec })),
    // Kafka's own: made when they are first needed.
    ...[offsetsTopic, stateTopic].map((topic) => ({
      spec: { topic, partitions: 50, replicationFactor: -1 },
    })),
  ];
}
