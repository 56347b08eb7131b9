/** The checks of Kafka, in the order in which they are listed. Each only asks. */
import type { Config } from "../../config.ts";
import { checkedSettings } from "../../engine/kafka/check_topics.ts";
import { anyBroker, describeTopics } from "../../engine/kafka/describe_topics.ts";
import { fetchLogDirs } from "../../engine/kafka/log_dirs.ts";
import { fetchControllerTime } from "../../engine/kafka/quorum_clock.ts";
import type { KafkaClient } from "../../engine/kafka/kafka_client.ts";
import { describeTopicSettings } from "../../engine/kafka/topic_settings.ts";
import { unknownTopicCode } from "../../engine/kafka/topic_metadata.ts";
import type { VendorBroker, VendorCluster } from "../../engine/kafka/vendor.ts";
import { type Brokers, newest, readBrokers } from "./broker_facts.ts";
import { expectedTopics } from "./expected_topics.ts";
import { type Finding, not } from "./finding.ts";
import { judgeProtocol, judgeReach, judgeVersions } from "./judge_brokers.ts";
import { type BrokerDisks, judgeClock, judgeDisks } from "./judge_hosts.ts";
import { brokerLimits, judgeLimits } from "./judge_limits.ts";
import { judgeReplicas, judgeTopic } from "./judge_topics.ts";
import { judgeRights } from "./judge_rights.ts";
import { readRights } from "./read_rights.ts";
import { type DoctorRole, doctorRoles, rightsOf } from "./role_rights.ts";
import type { Check } from "./run_checks.ts";

/** What the checks work with: connected once, for all of them. */
export interface KafkaPlace {
  readonly client: KafkaClient;
  readonly cluster: VendorCluster;
  readonly config: Config;
  /** Whose rights are judged; those of all, as warnings, where absent. */
  readonly roles?: readonly DoctorRole[];
}

/** Once Kafka was reached. */
export function kafkaChecks(place: KafkaPlace): readonly Check[] {
  const { client, cluster, config } = place;
  const brokers = once(() => readBrokers(cluster, brokerLimits));
  const of = (subject: string, judge: (found: Brokers) => Finding[]): Check => ({
    subject,
    look: async () => {
      const found = await brokers();
      return found.there.length > 0 ? judge(found) : [not("not_checked", subject, noBroker)];
    },
  });
  return [
    { subject: "brokers", look: async () => toReach(await brokers()) },
    of("version", ({ there }) => judgeVersions(there)),
    of("transactions", ({ there }) => judgeProtocol(there)),
    of("limits", ({ there }) => judgeLimits(there, config, client.user)),
    { subject: "disk", look: async () => await lookAtDisks(cluster, await brokers()) },
    { subject: "clock", look: () => lookAtClock(cluster) },
    { subject: "topics", look: () => lookAtTopics(place, brokers) },
    { subject: "rights", look: () => lookAtRights(place) },
  ];
}

const noBroker = "no broker answers at the address that the cluster gives for it";

function toReach({ there, away }: Brokers): Finding[] {
  return judgeReach(there, away);
}

/** From Kafka 3.3 on. */
const newer = { DescribeLogDirs: [35, 4], DescribeQuorum: [55, 1] } as const;

function knows(broker: VendorBroker, request: keyof typeof newer): boolean {
  const [key, version] = newer[request];
  return newest(broker.versions?.[key]) >= version;
}

async function lookAtDisks(cluster: VendorCluster, { there }: Brokers): Promise<Finding[]> {
  if (there.length === 0) return [not("not_checked", "disk", noBroker)];
  const brokers: BrokerDisks[] = [];
  for (const { nodeId } of there) {
    const broker = await cluster.findBroker({ nodeId });
    if (!knows(broker, "DescribeLogDirs")) {
      return [not("not_told", "disk", "what their disks have left brokers tell from Kafka 3.3 on")];
    }
    brokers.push({ nodeId, dirs: await fetchLogDirs(broker) });
  }
  return judgeDisks(brokers);
}

async function lookAtClock(cluster: VendorCluster): Promise<Finding[]> {
  const broker = await anyBroker(cluster);
  const hidden = "brokers of this version tell nobody what time it is";
  if (!knows(broker, "DescribeQuorum")) return [not("not_told", "clock", hidden)];
  const askedAtMs = Date.now();
  const theirsMs = await fetchControllerTime(broker);
  if (theirsMs === undefined) return [not("not_told", "clock", hidden)];
  return [judgeClock("Kafka's controller", { theirsMs, askedAtMs, answeredAtMs: Date.now() })];
}

async function lookAtRights(
  { client: { user }, cluster, config, roles }: KafkaPlace,
): Promise<Finding[]> {
  const judged = (roles ?? doctorRoles).map((role) => ({ role, needed: rightsOf(role, config) }));
  const has = await readRights(cluster, judged.flatMap(({ needed }) => needed));
  return judged.map(({ role, needed }) =>
    judgeRights({ role, isAsked: roles !== undefined, user }, needed, has)
  );
}

async function lookAtTopics(
  { client, cluster, config }: KafkaPlace,
  brokers: () => Promise<Brokers>,
): Promise<Finding[]> {
  const expected = expectedTopics(config);
  const names = expected.map(({ spec }) => spec.topic);
  const described = await describeTopics(cluster, names);
  const there = described.filter(({ errorCode }) => errorCode === 0).map(({ topic }) => topic);
  const settings = await describeTopicSettings(cluster, there, checkedSettings);
  const { there: up, away } = await brokers();
  const surroundings = { brokers: up.length + away.length, user: client.user };
  const missing = described.filter(({ errorCode }) => errorCode === unknownTopicCode);
  const anyMissing = expected.some(({ spec, madeBy }) =>
    madeBy !== undefined && missing.some(({ topic }) => topic === spec.topic)
  );
  return [
    ...judgeReplicas(config.TOPIC_REPLICATION_FACTOR, surroundings.brokers, anyMissing),
    ...expected.flatMap((topic) => {
      const description = described.find((found) => found.topic === topic.spec.topic);
      if (!description) return [];
      const own = settings.find((found) => found.topic === topic.spec.topic);
      return judgeTopic(topic, { description, settings: own }, surroundings);
    }),
  ];
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  return () => asked ??= ask();
}
