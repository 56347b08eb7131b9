/** Judges one topic: is it there, led, in sync, on enough brokers, and set up for what it is used for. Pure. */
import { checkTopic } from "../../engine/kafka/check_topics.ts";
import { type TopicDescription, topicError } from "../../engine/kafka/describe_topics.ts";
import { missingPermission } from "../../engine/kafka/missing_permission.ts";
import { unknownTopicCode } from "../../engine/kafka/topic_metadata.ts";
import type { TopicSettings } from "../../engine/kafka/topic_settings.ts";
import type { TopicSpec } from "../../engine/kafka/topic_spec.ts";
import { createErrorFromCode } from "../../engine/kafka/vendor.ts";
import { type Finding, not, right, splitRemedy } from "./finding.ts";

/** A topic that is looked at. */
export interface ExpectedTopic {
  readonly spec: TopicSpec;
  /** Who makes it where it is missing; `undefined` where its absence is as it should be. */
  readonly madeBy?: string;
}

/** What Kafka says of it. */
export interface SeenTopic {
  readonly description: TopicDescription;
  /** Absent where it was not asked. */
  readonly settings?: Pick<TopicSettings, "errorCode" | "values">;
}

/** Where it is looked at. */
export interface Surroundings {
  readonly brokers: number;
  /** The name that this client authenticates with. */
  readonly user?: string;
}

/** All that is to be said of it: one line where it is right, none where it is rightly absent. */
export function judgeTopic(
  { spec, madeBy }: ExpectedTopic,
  { description, settings }: SeenTopic,
  { brokers, user }: Surroundings,
): Finding[] {
  const { topic } = spec;
  const subject = `topic ${topic}`;
  if (description.errorCode === unknownTopicCode) {
    if (madeBy === undefined) return [];
    return [
      not(
        "warning",
        subject,
        `it is not there yet; ${madeBy} makes it with ${spec.partitions} partition(s), where its user may Create`,
        makingCommand(spec, brokers),
      ),
    ];
  }
  const error = topicError(description);
  if (error) {
    const refused = missingPermission(error, { user, topics: [topic], needs: spec.needs });
    if (refused === undefined) return [not("wrong", subject, error.message)];
    // Whether this user needs it is a matter of its roles: the lines about rights say so.
    const { text, remedy } = splitRemedy(refused, "; grant it: ");
    return [not("not_told", subject, text, remedy)];
  }
  const findings = [
    ...standingOf(subject, description),
    ...replicationOf(subject, spec, description, settings, brokers),
  ];
  if (settings?.errorCode === 0) {
    for (const { kind, text, remedy } of checkTopic(spec, description, settings.values)) {
      const said = text.slice(0, -`; ${remedy}`.length).replace(/^Topic \S+ has /, "");
      findings.push(not(kind === "refuse" ? "wrong" : "warning", subject, said, remedy));
    }
  } else if (settings) {
    const refusal = Object.assign(createErrorFromCode()(settings.errorCode), {
      apiName: "DescribeConfigs",
    });
    const refused = missingPermission(refusal, { user, topics: [topic] }) ?? refusal.message;
    const { text, remedy } = splitRemedy(refused, "; grant it: ");
    findings.push(not("not_told", subject, `its settings are not checked: ${text}`, remedy));
  }
  return findings.length > 0 ? findings : [right(subject, describe(description, settings))];
}

/** Whether as many replicas can be made as the setting asks for; `anyMissing`: a topic has yet to be made. */
export function judgeReplicas(factor: number, brokers: number, anyMissing: boolean): Finding[] {
  if (factor <= brokers) return [];
  const consequence = anyMissing
    ? "the worker cannot make the topics that are missing, and halts"
    : "no topic can be made with it, such as that of a key's state";
  return [
    not(
      anyMissing ? "wrong" : "warning",
      "replicas",
      `TOPIC_REPLICATION_FACTOR=${factor}, and the cluster has ${brokers} broker(s): ${consequence}`,
      `set TOPIC_REPLICATION_FACTOR to at most ${brokers}, or to -1 (as many as there are brokers, up to 3); or add brokers`,
    ),
  ];
}

/** How many replicas a topic is to have: what the setting asks for, as far as there are brokers. */
function replicasWanted({ replicationFactor }: TopicSpec, brokers: number): number {
  return Math.min(replicationFactor > 0 ? replicationFactor : 3, brokers);
}

function standingOf(
  subject: string,
  { leaderless, behind, partitions }: TopicDescription,
): Finding[] {
  if (leaderless.length > 0) {
    return [
      not(
        "wrong",
        subject,
        `${leaderless.length} of its ${partitions} partitions have no leader (${
          some(leaderless)
        }): what needs ` +
          "them waits",
        "start the brokers that hold them; the list of brokers above says which answer",
      ),
    ];
  }
  if (behind.length === 0) return [];
  return [
    not(
      "warning",
      subject,
      `in ${behind.length} of its ${partitions} partitions a replica is not in sync (${
        some(behind)
      })`,
      "look which broker is away or slow: kafka-topics.sh --describe --under-replicated-partitions",
    ),
  ];
}

function replicationOf(
  subject: string,
  spec: TopicSpec,
  { replicas }: TopicDescription,
  settings: SeenTopic["settings"],
  brokers: number,
): Finding[] {
  const { topic, uses = [] } = spec;
  // It holds no records: only its number of partitions counts.
  if (uses.includes("cursor")) return [];
  const wanted = replicasWanted(spec, brokers);
  if (replicas < wanted) {
    return [
      not(
        "warning",
        subject,
        `it has ${replicas} replica(s), and ${wanted} are wanted on ${brokers} broker(s)` +
          (replicas === 1 ? ": while its one broker is away it stands still" : ""),
        `kafka-reassign-partitions.sh, with ${wanted} brokers for each partition of ${topic}`,
      ),
    ];
  }
  if (replicas > 1 && settings?.values.get("min.insync.replicas") === "1") {
    return [
      not(
        "warning",
        subject,
        `min.insync.replicas=1 with ${replicas} replicas: what is acknowledged may be on one broker alone, ` +
          "and is lost with its disk",
        `kafka-configs.sh --alter --topic ${topic} --add-config min.insync.replicas=2`,
      ),
    ];
  }
  return [];
}

function makingCommand(spec: TopicSpec, brokers: number): string {
  const { topic, partitions, config = {} } = spec;
  const settings = Object.entries(config).map(([name, value]) => ` --config ${name}=${value}`);
  return `start it; without that right: kafka-topics.sh --create --topic ${topic} --partitions ${partitions} ` +
    `--replication-factor ${replicasWanted(spec, brokers)}${settings.join("")}`;
}

function describe(
  { partitions, replicas }: TopicDescription,
  settings: SeenTopic["settings"],
): string {
  const shown = ["cleanup.policy", "retention.ms"].flatMap((name) => {
    const value = settings?.values.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return [`partitions ${partitions}`, `replicas ${replicas}`, ...shown].join(", ");
}

function some(partitions: readonly number[]): string {
  const first = partitions.slice(0, 8).join(", ");
  return partitions.length > 8 ? `${first}, ...` : first;
}
