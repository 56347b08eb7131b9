/** Says what stands in the way, and what to do about it, where a broker refuses what only a person can change. Pure. */
import { missingPermission } from "./missing_permission.ts";
import { refusedLogin } from "./refused_login.ts";
import { errorInChain, type RefusedRequest } from "./refused_request.ts";

/**
 * - `wait`: a person can mend it at the cluster while we run;
 * - `lasting`: the same when it lasts; for a moment it is the course of things;
 * - `halt`: the mistake is ours.
 */
export interface Obstacle {
  readonly kind: "wait" | "lasting" | "halt";
  readonly reason: string;
}

/** What this error means to an operator; undefined for what passes by itself or is the records' own. */
export function obstacleOf(error: unknown, request: RefusedRequest): Obstacle | undefined {
  const refused = missingPermission(error, request);
  if (refused) return { kind: "wait", reason: refused };
  const login = refusedLogin(error);
  if (login) return { kind: "halt", reason: `Kafka ${login}` };
  const found = errorInChain(error, ({ type }) => type !== undefined && type in obstacles);
  return found?.type === undefined ? undefined : obstacles[found.type]?.({
    ...request,
    topics: found.topic ? [found.topic] : request.topics,
  });
}

type Explain = (request: RefusedRequest) => Obstacle;

const replicas: Explain = ({ topics }) => ({
  kind: "wait",
  reason: `${name(topics)} has fewer replicas in sync than its min.insync.replicas: bring the ` +
    `brokers back, or set it to no more than the topic's replicas`,
});

const obstacles: Readonly<Record<string, Explain>> = {
  UNKNOWN_TOPIC_OR_PARTITION: ({ topics }) => ({
    kind: "lasting",
    reason: `${name(topics)} does not exist any more, or lacks the partition: make it again`,
  }),
  LEADER_NOT_AVAILABLE: ({ topics }) => ({
    kind: "lasting",
    reason: `${name(topics)} has a partition without a leader: is a broker of the cluster down?`,
  }),
  INVALID_TOPIC_EXCEPTION: ({ topics }) => ({
    kind: "halt",
    reason: `${name(topics)} is no name that Kafka allows`,
  }),
  INVALID_TIMESTAMP: ({ topics }) => ({
    kind: "lasting",
    reason:
      `${name(topics)} takes no records of this time (INVALID_TIMESTAMP): set right the clocks, ` +
      `or the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms`,
  }),
  OFFSET_METADATA_TOO_LARGE: () => ({
    kind: "wait",
    reason:
      "the brokers' offset.metadata.max.bytes has no room for what is noted beside an offset " +
      "(OFFSET_METADATA_TOO_LARGE): set it to 4096, Kafka's default, or more",
  }),
  NOT_ENOUGH_REPLICAS: replicas,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: replicas,
  GROUP_COORDINATOR_NOT_AVAILABLE: ({ transactionalId, groupId }) => {
    const [what, topic, settings] = transactionalId !== undefined
      ? [`transactional id "${transactionalId}"`, "__transaction_state", transactionSettings]
      : [`group "${groupId}"`, "__consumer_offsets", "offsets.topic.replication.factor"];
    return {
      kind: "lasting",
      reason: `there is no coordinator for ${what}: Kafka's topic ${topic} is missing or not ` +
        `available. Are enough brokers up for the brokers' ${settings}?`,
    };
  },
  INVALID_TRANSACTION_TIMEOUT: () => ({
    kind: "halt",
    reason: "TRANSACTION_TIMEOUT_MS is above the brokers' transaction.max.timeout.ms " +
      "(INVALID_TRANSACTION_TIMEOUT): lower the one or raise the other",
  }),
};

const transactionSettings =
  "transaction.state.log.replication.factor and transaction.state.log.min.isr";

function name(topics: readonly string[] = []): string {
  const quoted = topics.map((topic) => `"${topic}"`).join(", ");
  return topics.length === 1 ? `topic ${quoted}` : `one of the topics ${quoted}`;
}
