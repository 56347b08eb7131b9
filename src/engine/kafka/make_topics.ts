/** Makes topics, and says of each that could not be made why. */
import { HaltError } from "../core/errors.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { missingPermission, MissingPermissionError } from "./missing_permission.ts";
import { protocolErrorType } from "./error_verdict.ts";
import type { TopicSpec } from "./topic_spec.ts";
import { emitterClass, type VendorCluster } from "./vendor.ts";
import { createAdmin } from "./vendor_admin.ts";

/**
 * Makes these topics; one that somebody else makes at the same time counts as made.
 *
 * @throws {HaltError} naming the topic, and the setting or the permission that is in the way
 */
export async function makeTopics(
  client: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
): Promise<void> {
  const Emitter = emitterClass();
  const admin = createAdmin()({
    cluster,
    logger: client.logger,
    retry: { initialRetryTime: 100, retries: 8 },
    instrumentationEmitter: new Emitter({}),
  });
  const brokers = (await admin.describeCluster()).brokers.length;
  try {
    await admin.createTopics({
      waitForLeaders: false,
      topics: specs.map(({ topic, partitions, replicationFactor, config = {} }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replicationFactor < 0 ? Math.min(3, brokers) : replicationFactor,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    });
  } catch (error) {
    const failed = topicErrorsOf(error).filter(({ type }) => type !== "TOPIC_ALREADY_EXISTS");
    if (failed.length === 0) {
      if (topicErrorsOf(error).length > 0) return;
      throw new Error("Cannot make topics", { cause: error });
    }
    const { user } = client;
    const lines = failed.map((each) => {
      const spec = specs.find(({ topic }) => topic === each.topic);
      return `Cannot make topic "${each.topic}": ${reasonOf(each, spec, brokers, user)}`;
    });
    const mayNot = failed.every(({ type }) => /_AUTHORIZATION_FAILED$/.test(type));
    const Failure = mayNot ? MissingPermissionError : HaltError;
    throw new Failure(lines.join("\n"), { cause: error });
  }
}

/** A topic's error inside of what kafkajs throws for all of them. */
interface TopicFailure {
  readonly topic: string;
  readonly type: string;
  readonly message: string;
}

function topicErrorsOf(error: unknown): TopicFailure[] {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("errors" in at && Array.isArray(at.errors)) return at.errors;
  }
  return [];
}

function reasonOf(
  failure: TopicFailure,
  spec: TopicSpec | undefined,
  brokers: number,
  user: string | undefined,
): string {
  const refused = missingPermission(
    { ...failure, apiName: "CreateTopics" },
    { topics: [failure.topic], user },
  );
  if (refused) return `${refused}. Or let somebody who may make it`;
  switch (failure.type) {
    case "INVALID_REPLICATION_FACTOR":
      return `TOPIC_REPLICATION_FACTOR asks for ${spec?.replicationFactor} replicas, and the cluster has ` +
        `${brokers} broker(s); set it to no more than that, or to -1`;
    case "INVALID_PARTITIONS":
      return `TOPIC_PARTITIONS asks for ${spec?.partitions} partitions, which the cluster refuses`;
    case "POLICY_VIOLATION":
      return "the cluster's create.topic.policy.class.name refuses it; make it as that policy wants it";
    case "INVALID_CONFIG":
      return `the cluster refuses its settings ${JSON.stringify(spec?.config ?? {})}`;
    default:
      return `${protocolErrorType(failure) ?? "unknown"} (${failure.message})`;
  }
}
