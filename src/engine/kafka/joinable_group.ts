/** Makes the group of kafkajs by which a member joins, syncs, beats and leaves. Its consumer is not used. */
import type { Assigner } from "./assigner.ts";
import type { KafkaClient } from "./kafka_client.ts";
import {
  consumerGroupClass,
  emitterClass,
  type VendorCluster,
  type VendorConsumerGroup,
} from "./vendor.ts";

/** What the member tells the coordinator; times in milliseconds. */
interface GroupSettings {
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
}

/** One that has not joined yet. */
export function joinableGroup(
  { logger }: KafkaClient,
  cluster: VendorCluster,
  { topics, ...settings }: GroupSettings,
  assigner: Assigner,
): VendorConsumerGroup {
  const Group = consumerGroupClass();
  const Emitter = emitterClass();
  return new Group({
    ...{ cluster, logger, ...settings },
    topics: [...topics],
    topicConfigurations: Object.fromEntries(
      topics.map((topic) => [topic, { fromBeginning: true }]),
    ),
    instrumentationEmitter: new Emitter({}),
    assigners: [assigner],
    autoCommit: false,
    isolationLevel: 1,
    retry: { initialRetryTime: 50, maxRetryTime: 1_000, retries: 5 },
  });
}
