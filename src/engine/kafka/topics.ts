/** Topics: makes those that are missing, and checks those that are there before work begins. Never changes one. */
import type { TopicSpec } from "./topic_spec.ts";
import { getLogger } from "../packages/logtape.ts";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import { checkedSettings, checkTopic, type TopicFinding } from "./check_topics.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { makeTopics } from "./make_topics.ts";
import { missingPermission, MissingPermissionError } from "./missing_permission.ts";
import { describeTopics, type TopicDescription, topicError } from "./describe_topics.ts";
import { describeTopicSettings, type TopicSettings } from "./topic_settings.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

/** For topics whose records a rebuild of the read model reads from the first on. */
export const historyTopicConfig = { "cleanup.policy": "delete", "retention.ms": "-1" };

/** For how long dead letters are kept where nobody says: they wait for a person, so for ever. */
export const deadLettersForEverMs = -1;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Of a dead-letter topic. It has room for a dead letter whose original filled a batch to the brim, and for the headers
 * beside it.
 *
 * @param retentionMs how long they are kept. The last of them is gone a segment's time later, an hour to a day: Kafka deletes
 * by segments, and one that is written to for a week would keep its first record for a week longer
 */
export function deadLetterTopicConfig(
  retentionMs: number = deadLettersForEverMs,
): Readonly<Record<string, string>> {
  return {
    "max.message.bytes": String(2 * 1_048_588),
    "cleanup.policy": "delete",
    "retention.ms": String(retentionMs),
    ...retentionMs !== deadLettersForEverMs &&
      { "segment.ms": String(Math.min(dayMs, Math.max(hourMs, Math.round(retentionMs / 10)))) },
  };
}

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
    const found = await describeAll(client, cluster, specs);
    const missing = specs.filter(({ topic }) => found.get(topic)?.errorCode === unknownTopic);
    if (missing.length > 0) {
      await makeTopics(client, cluster, missing);
      log.info("Made topics {topics}", { topics: missing.map(({ topic }) => topic).join(", ") });
    }
    const first = missing.length > 0 ? await describeAll(client, cluster, specs) : found;
    const described = await untilThere(client, cluster, specs, missing, first);
    await untilServed(cluster, missing, described);
    sayOnce(client, [...described.values()].flatMap(leaderlessLine));
    await check(client, cluster, specs, described);
    return new Map([...described].map(([topic, { partitions }]) => [topic, partitions]));
  } finally {
    await cluster.disconnect();
  }
}

type Descriptions = ReadonlyMap<string, TopicDescription>;

/** Looks at all of them; one that is not there is not an error here. */
async function describeAll(
  { user }: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
): Promise<Descriptions> {
  const described = await describeTopics(cluster, specs.map(({ topic }) => topic));
  const refusals = described.flatMap((description) => {
    const error = topicError(description);
    const needs = specs.find(({ topic }) => topic === description.topic)?.needs;
    return (error && missingPermission(error, { user, needs })) ?? [];
  });
  if (refusals.length > 0) throw new MissingPermissionError(refusals.join("\n"));
  const wrong = described.find(({ errorCode }) => errorCode === invalidTopic);
  if (wrong) throw new HaltError(`"${wrong.topic}" is no name that Kafka allows for a topic`);
  return new Map(described.map((description) => [description.topic, description]));
}

const invalidTopic = 17;

/**
 * Waits until all are there, and the ones that were just made have leaders. An older one may lack some for long: whatever
 * has a leader is worked on meanwhile. `described` is what was seen just now.
 */
async function untilThere(
  client: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
  made: readonly TopicSpec[],
  described: Descriptions,
): Promise<Descriptions> {
  for (let attempt = 1;; attempt++) {
    const away = [...described.values()].find(({ errorCode, partitions }) =>
      errorCode !== 0 || partitions === 0
    );
    const led = made.every(({ topic }) => described.get(topic)?.leaderless.length === 0);
    if (!away && (led || attempt >= leaderAttemptsMax)) return described;
    if (attempt >= leaderAttemptsMax) {
      throw new Error(`Topic "${away?.topic}" is not there: is a broker of the cluster down?`, {
        cause: away && topicError(away),
      });
    }
    await delay(leaderWaitMs);
    described = await describeAll(client, cluster, specs);
  }
}

/** A leader that the metadata names may not know of it yet and refuse what is written; its ranges tell when it does. */
async function untilServed(
  cluster: VendorCluster,
  made: readonly TopicSpec[],
  described: Descriptions,
): Promise<void> {
  for (const { topic } of made) {
    const { partitions = 0, leaderless = [] } = described.get(topic) ?? {};
    for (let partition = 0; partition < partitions; partition++) {
      if (!leaderless.includes(partition)) await readLogRange(cluster, { topic, partition });
    }
  }
}

function leaderlessLine({ topic, leaderless, partitions }: TopicDescription): string[] {
  if (leaderless.length === 0) return [];
  const which = leaderless.map((partition) => `${topic}-${partition}`).join(", ");
  return [
    `Topic ${topic} has no leader for ${leaderless.length} of its ${partitions} partitions (${which}): is a ` +
    `broker of the cluster down? What needs them waits for it, and all else goes on`,
  ];
}

/** What each client has been told, so that two roles do not say the same. */
const told = new WeakMap<KafkaClient, Set<string>>();

function sayOnce(client: KafkaClient, texts: readonly string[]): void {
  const known = told.get(client) ?? new Set();
  told.set(client, known);
  for (const text of texts) {
    if (known.has(text)) continue;
    known.add(text);
    log.warn("{finding}", { finding: text });
  }
}

/** Logs each warning once. @throws {HaltError} with all refusals */
async function check(
  client: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
  described: Descriptions,
): Promise<void> {
  const checked = specs.filter(({ uses = [] }) => uses.length > 0);
  const known = inUse.get(client) ?? new Map<string, TopicSpec>();
  inUse.set(client, known);
  for (const spec of checked) known.set(`${spec.topic} ${spec.uses}`, spec);
  const findings = await findingsOf(client, cluster, checked, described);
  const refusals = findings.filter(({ kind }) => kind === "refuse").map(({ text }) => text);
  if (refusals.length > 0) throw new HaltError(refusals.join("\n"));
}

/** What each client works with, as it was checked before it began. */
const inUse = new WeakMap<KafkaClient, Map<string, TopicSpec>>();

/**
 * Checks once more what this client has found good before: somebody may have changed settings since. Logs each warning
 * once, and answers with the refusals. A topic that is away is not its affair.
 */
export async function checkAgain(
  client: KafkaClient,
  cluster: VendorCluster,
): Promise<readonly TopicFinding[]> {
  const specs = [...inUse.get(client)?.values() ?? []];
  if (specs.length === 0) return [];
  const names = [...new Set(specs.map(({ topic }) => topic))];
  const described = new Map(
    (await describeTopics(cluster, names)).filter(({ errorCode }) => errorCode === 0)
      .map((description) => [description.topic, description]),
  );
  const there = specs.filter(({ topic }) => described.has(topic));
  const findings = await findingsOf(client, cluster, there, described);
  return findings.filter(({ kind }) => kind === "refuse");
}

async function findingsOf(
  client: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
  described: Descriptions,
): Promise<readonly TopicFinding[]> {
  const names = [...new Set(specs.map(({ topic }) => topic))];
  const settings = await describeTopicSettings(cluster, names, checkedSettings);
  const findings = specs.flatMap((spec): readonly TopicFinding[] => {
    const { topic } = spec;
    const own = settings.find((candidate) => candidate.topic === topic);
    const description = described.get(topic);
    if (!own || !description) return [];
    if (own.errorCode !== 0) return [];
    return checkTopic(spec, description, own.values);
  });
  const unread = settings.filter(({ errorCode }) => errorCode !== 0);
  if (unread.length > 0) findings.push(unchecked(client, unread));
  sayOnce(client, findings.flatMap(({ kind, text }) => kind === "refuse" ? [] : [text]));
  return findings;
}

function unchecked(
  { user }: KafkaClient,
  unread: readonly Pick<TopicSettings, "topic" | "errorCode">[],
): TopicFinding {
  const topics = unread.map(({ topic }) => topic);
  const error = Object.assign(createErrorFromCode()(unread[0]?.errorCode ?? 0), {
    apiName: "DescribeConfigs",
  });
  const reason = missingPermission(error, { user, topics }) ?? error.message;
  const text = `The settings of topics ${topics.join(", ")} are not checked: ${reason}`;
  return { kind: "warn", topic: topics[0] ?? "", text, remedy: reason };
}
