/** Checks topics before work begins with them, and once more while it goes on. Asks and tells; makes and changes nothing. */
import type { TopicSpec } from "./topic_spec.ts";
import { getLogger } from "../packages/logtape.ts";
import { HaltError } from "../core/errors.ts";
import { checkedSettings, checkTopic, type TopicFinding } from "./check_topics.ts";
import { describeTopics, type TopicDescription } from "./describe_topics.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { missingPermission } from "./missing_permission.ts";
import { describeTopicSettings, type TopicSettings } from "./topic_settings.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

/** Topics by name, as a broker describes them. */
export type Descriptions = ReadonlyMap<string, TopicDescription>;

const log = getLogger(["onceflow", "kafka", "topics"]);

/** Checks the topics that work begins with. Logs each warning once. @throws {HaltError} with all refusals */
export async function refuseUnfit(
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
export async function checkTopicsAgain(
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

/** What each client has been told, so that two roles do not say the same. */
const told = new WeakMap<KafkaClient, Set<string>>();

/** Logs each text once for a client. */
export function sayOnce(client: KafkaClient, texts: readonly string[]): void {
  const known = told.get(client) ?? new Set();
  told.set(client, known);
  for (const text of texts) {
    if (known.has(text)) continue;
    known.add(text);
    log.warn("{finding}", { finding: text });
  }
}
