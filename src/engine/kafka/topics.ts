/** Topics: makes those that are missing, and checks those that are there before work begins. Never changes one. */
import type { TopicSpec } from "./topic_spec.ts";
import { getLogger } from "../packages/logtape.ts";
import { delay } from "../core/delay.ts";
import { HaltError } from "../core/errors.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { readLogRange } from "./log_range.ts";
import { makeTopics } from "./make_topics.ts";
import { missingPermission, MissingPermissionError } from "./missing_permission.ts";
import { describeTopics, type TopicDescription, topicError } from "./describe_topics.ts";
import { type Descriptions, refuseUnfit, sayOnce } from "./topic_checks.ts";
import type { VendorCluster } from "./vendor.ts";

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
    await refuseUnfit(client, cluster, specs, described);
    return new Map([...described].map(([topic, { partitions }]) => [topic, partitions]));
  } finally {
    await cluster.disconnect();
  }
}

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
