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
const unknownTopic = 3;

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
  for (const spec of checked) known.set(spec.topic, withUsesOf(spec, known.get(spec.topic)));
  const all = checked.flatMap(({ topic }) => known.get(topic) ?? []);
  const { findings } = await findingsOf(client, cluster, all, described);
  const refusals = findings.filter(({ kind }) => kind === "refuse").map(({ text }) => text);
  if (refusals.length > 0) throw new HaltError(refusals.join("\n"));
}

/** What each client works with, by topic, as it was checked before it began. */
const inUse = new WeakMap<KafkaClient, Map<string, TopicSpec>>();

/** Several roles use one topic: judged by each use alone, the remedy for one would be wrong for the other. */
function withUsesOf(spec: TopicSpec, other: TopicSpec | undefined): TopicSpec {
  if (!other) return spec;
  const { uses = [], recordBytesMax = 0, config = other.config } = spec;
  return {
    ...spec,
    ...(config && { config }),
    uses: [...new Set([...other.uses ?? [], ...uses])],
    recordBytesMax: Math.max(recordBytesMax, other.recordBytesMax ?? 0),
  };
}

/** What a look at topics in use has found. */
export interface TopicLook {
  readonly findings: readonly TopicFinding[];
  /** Topics whose settings were seen: what is not found of these is not so. Of the others nothing is known now. */
  readonly seen: ReadonlySet<string>;
  /** Topics that are not there any more. */
  readonly gone: ReadonlySet<string>;
}

/**
 * Checks once more what this client has found good before: somebody may have changed settings since. A warning is a line of
 * the log when it begins to hold and one when it ends. A topic that is away is not its affair.
 */
export async function checkTopicsAgain(
  client: KafkaClient,
  cluster: VendorCluster,
): Promise<TopicLook> {
  const specs = [...inUse.get(client)?.values() ?? []];
  if (specs.length === 0) return { findings: [], seen: new Set(), gone: new Set() };
  const names = specs.map(({ topic }) => topic);
  const descriptions = await describeTopics(cluster, names);
  const described = new Map(
    descriptions.filter(({ errorCode }) => errorCode === 0)
      .map((description) => [description.topic, description]),
  );
  const there = specs.filter(({ topic }) => described.has(topic));
  const { findings, seen } = await findingsOf(client, cluster, there, described);
  const away = descriptions.filter(({ errorCode }) => errorCode === unknownTopic);
  const look = { findings, seen, gone: new Set(away.map(({ topic }) => topic)) };
  takeBack(client, look);
  return look;
}

async function findingsOf(
  client: KafkaClient,
  cluster: VendorCluster,
  specs: readonly TopicSpec[],
  described: Descriptions,
): Promise<{ readonly findings: readonly TopicFinding[]; readonly seen: ReadonlySet<string> }> {
  const names = specs.map(({ topic }) => topic);
  const settings = await describeTopicSettings(cluster, names, checkedSettings);
  const findings = specs.flatMap((spec): readonly TopicFinding[] => {
    const { topic } = spec;
    const own = settings.find((candidate) => candidate.topic === topic);
    const description = described.get(topic);
    if (!own || !description) return [];
    if (own.errorCode !== 0) return [];
    return checkTopic(spec, description, own.values);
  });
  const read = settings.filter(({ errorCode }) => errorCode === 0);
  const unread = settings.filter(({ errorCode }) => errorCode !== 0);
  if (unread.length > 0) findings.push(unchecked(client, unread));
  sayWarnings(client, findings);
  return { findings, seen: new Set(read.map(({ topic }) => topic)) };
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
  return { kind: "warn", topic: topics[0] ?? "", setting: "the settings", text, remedy: reason };
}

/** The warnings that hold, by client and text: two roles do not say the same, and what comes again is said again. */
const warned = new WeakMap<KafkaClient, Map<string, TopicFinding>>();

function sayWarnings(client: KafkaClient, findings: readonly TopicFinding[]): void {
  const holding = warned.get(client) ?? new Map<string, TopicFinding>();
  warned.set(client, holding);
  for (const finding of findings) {
    if (finding.kind === "refuse" || holding.has(finding.text)) continue;
    holding.set(finding.text, finding);
    log.warn("{finding}", { finding: finding.text });
  }
}

/** Forgets what holds no longer, and says so where the setting was put right: not of another wrong value, nor of no topic. */
function takeBack(client: KafkaClient, { findings, seen, gone }: TopicLook): void {
  const holding = warned.get(client) ?? new Map<string, TopicFinding>();
  for (const [text, { topic, setting }] of holding) {
    const isKnown = seen.has(topic) || gone.has(topic);
    if (!isKnown || findings.some((finding) => finding.text === text)) continue;
    holding.delete(text);
    if (gone.has(topic)) continue;
    if (findings.some((other) => other.topic === topic && other.setting === setting)) continue;
    log.info("What was said of {setting} of topic {topic} holds no longer", { setting, topic });
  }
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
