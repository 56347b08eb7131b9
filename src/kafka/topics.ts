/** Topics: makes those that are missing, and checks those that are there before work begins. Never changes one. */
import { getLogger } from "@logtape/logtape";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import { checkedSettings, checkTopic, type TopicFinding, type TopicUse } from "./check_topics.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { makeTopics } from "./make_topics.ts";
import { missingPermission } from "./missing_permission.ts";
import { describeTopics, type TopicDescription, topicError } from "./describe_topics.ts";
import { describeTopicSettings } from "./topic_settings.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

/** A topic that must be there. */
export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** -1 for three, or as many as there are brokers: kafkajs cannot ask for the cluster's own default. */
  readonly replicationFactor: number;
  /** Topic configuration, such as `{ "cleanup.policy": "compact" }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** What it is used for: one that is there already is checked for that. */
  readonly uses?: readonly TopicUse[];
  /** The largest record that is to be written to it, bytes. */
  readonly recordBytesMax?: number;
}

/** For topics whose records a rebuild of the read model reads from the first on. */
export const historyTopicConfig = { "cleanup.policy": "delete", "retention.ms": "-1" };

/** Room for a dead letter whose original filled a batch to the brim, and for the headers beside it. */
export const deadLetterTopicConfig = {
  "max.message.bytes": String(2 * 1_048_588),
  // They wait for a person: no week after which they are gone.
  "cleanup.policy": "delete",
  "retention.ms": "-1",
};

/** Small enough to be read whole at each start: the part that is still written is never compacted, so it must be short. */
export const compactedTopicConfig = {
  "cleanup.policy": "compact",
  "segment.bytes": "4194304",
  "segment.ms": "600000",
  "min.cleanable.dirty.ratio": "0.1",
  "max.compaction.lag.ms": "3600000",
};

const log = getLogger(["onceflow", "kafka", "topics"]);
const leaderWaitMs = 100;
const leaderAttemptsMax = 100;
const unknownTopic = 3;

/**
 * Makes the topics that do not exist yet, checks the others, and answers with the number of partitions of all of them.
 *
 * @throws {HaltError} when a topic cannot be made or looked at, or is set up so that records would be lost
 */
export async function ensureTopics(
  client: KafkaClient,
  specs: readonly TopicSpec[],
): Promise<ReadonlyMap<string, number>> {
  const cluster = client.cluster();
  try {
    const names = specs.map(({ topic }) => topic);
    const found = await describeAll(client, cluster, names);
    const missing = specs.filter(({ topic }) => found.get(topic)?.errorCode === unknownTopic);
    if (missing.length > 0) {
      await makeTopics(client, cluster, missing);
      log.info("Made topics {topics}", { topics: missing.map(({ topic }) => topic).join(", ") });
    }
    const first = missing.length > 0 ? await describeAll(client, cluster, names) : found;
    const described = await untilLed(client, cluster, names, first);
    await untilServed(cluster, missing, described);
    await check(client, cluster, specs, described);
    return new Map([...described].map(([topic, { partitions }]) => [topic, partitions]));
  } finally {
    await cluster.disconnect();
  }
}

type Descriptions = ReadonlyMap<string, TopicDescription>;

/** Looks at all of them; one that is not there is not an error here. */
async function describeAll(
  client: KafkaClient,
  cluster: VendorCluster,
  topics: readonly string[],
): Promise<Descriptions> {
  const described = await describeTopics(cluster, topics);
  for (const description of described) {
    const error = topicError(description);
    const refused = error && missingPermission(error, { user: client.user });
    if (refused) throw new HaltError(`Cannot look at topic "${description.topic}": ${refused}`);
    if (description.errorCode === invalidTopic) {
      throw new HaltError(`"${description.topic}" is no name that Kafka allows for a topic`);
    }
  }
  return new Map(described.map((description) => [description.topic, description]));
}

const invalidTopic = 17;

/** Waits until every partition has a leader; `described` is what was seen just now. */
async function untilLed(
  client: KafkaClient,
  cluster: VendorCluster,
  topics: readonly string[],
  described: Descriptions,
): Promise<Descriptions> {
  for (let attempt = 1;; attempt++) {
    const waits = [...described.values()].find(({ errorCode, partitions, led }) =>
      errorCode !== 0 || partitions === 0 || led < partitions
    );
    if (!waits) return described;
    if (attempt >= leaderAttemptsMax) {
      throw new Error(
        `Topic "${waits.topic}" has partitions without a leader: ${waits.led} of ` +
          `${waits.partitions} have one. Is a broker of the cluster down?`,
        { cause: topicError(waits) },
      );
    }
    await delay(leaderWaitMs);
    described = await describeAll(client, cluster, topics);
  }
}

/** A leader that the metadata names may not know of it yet and refuse what is written; its ranges tell when it does. */
async function untilServed(
  cluster: VendorCluster,
  made: readonly TopicSpec[],
  described: Descriptions,
): Promise<void> {
  for (const { topic } of made) {
    for (let partition = 0; partition < (described.get(topic)?.partitions ?? 0); partition++) {
      await readLogRange(cluster, { topic, partition });
    }
  }
}

/** What each client has been told, so that two roles do not say the same. */
const told = new WeakMap<KafkaClient, Set<string>>();

/** Logs each warning once. @throws {HaltError} with all refusals */
async function check(
  client: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
  described: Descriptions,
): Promise<void> {
  const checked = specs.filter(({ uses = [] }) => uses.length > 0);
  const settings = await describeTopicSettings(
    cluster,
    checked.map(({ topic }) => topic),
    checkedSettings,
  );
  const findings = checked.flatMap((spec): readonly TopicFinding[] => {
    const { topic } = spec;
    const own = settings.find((candidate) => candidate.topic === topic);
    const description = described.get(topic);
    if (!own || !description) return [];
    if (own.errorCode !== 0) return [unchecked(client, topic, own.errorCode)];
    return checkTopic(spec, description, own.values);
  });
  const known = told.get(client) ?? new Set();
  told.set(client, known);
  for (const { kind, text } of findings) {
    if (kind === "refuse" || known.has(text)) continue;
    known.add(text);
    log.warn("{finding}", { finding: text });
  }
  const refusals = findings.filter(({ kind }) => kind === "refuse").map(({ text }) => text);
  if (refusals.length > 0) throw new HaltError(refusals.join("\n"));
}

function unchecked(client: KafkaClient, topic: string, errorCode: number): TopicFinding {
  const error = Object.assign(createErrorFromCode()(errorCode), {
    topic,
    apiName: "DescribeConfigs",
  });
  const reason = missingPermission(error, { user: client.user }) ?? error.message;
  return { kind: "warn", topic, text: `The settings of topic ${topic} are not checked: ${reason}` };
}
