/** Judges how topics are set up against what they are used for: what would lose, and what might. Pure: asks nobody. */
import type { TopicUse } from "./topic_spec.ts";
import type { TopicSettings } from "./topic_settings.ts";
import type { TopicDescription } from "./describe_topics.ts";
import type { TopicSpec } from "./topic_spec.ts";

/** Something that is not as it should be: `refuse` where going on would lose, `warn` where it might. */
export interface TopicFinding {
  readonly kind: "refuse" | "warn";
  readonly topic: string;
  /** What of it: the name of a setting, or `partitions`. */
  readonly setting: string;
  /** The sentence for a person: topic, setting, value, consequence, remedy. */
  readonly text: string;
  /** How the sentence ends: what a person can do. */
  readonly remedy: string;
}

/** The settings that {@linkcode checkTopic} looks at. */
export const checkedSettings: readonly string[] = [
  "cleanup.policy",
  "retention.ms",
  "retention.bytes",
  "max.message.bytes",
  "min.insync.replicas",
  "unclean.leader.election.enable",
];

/** Below this an input is gone before a worker that was stopped for a weekend is back. */
const retentionMsMin = 3 * 24 * 60 * 60 * 1_000;
/** An entry of a state topic has this much at most, with room to spare. */
const stateBytesMin = 16_384;

/** What is wrong with one topic for its uses; nothing where its settings are not known. */
export function checkTopic(
  { topic, uses = [], partitions, recordBytesMax = 0, config }: TopicSpec,
  description: Pick<TopicDescription, "partitions" | "replicas">,
  settings: TopicSettings["values"],
): readonly TopicFinding[] {
  const findings: TopicFinding[] = [];
  const is = (...wanted: TopicUse[]) => wanted.some((use) => uses.includes(use));
  const add = (
    kind: TopicFinding["kind"],
    name: string,
    consequence: string,
    remedy: string,
    value = settings.get(name),
  ) =>
    findings.push({
      kind,
      topic,
      setting: name,
      text: `Topic ${topic} has ${name}=${value}: ${consequence}; ${remedy}`,
      remedy,
    });
  const alter = (setting: string) =>
    `set it right: kafka-configs.sh --alter --topic ${topic} --add-config ${setting}`;

  const number = (name: string) => Number(settings.get(name) ?? NaN);
  const policy = settings.get("cleanup.policy") ?? "";
  const compacts = policy.includes("compact");
  const deletes = policy.includes("delete") &&
    (number("retention.ms") !== -1 || number("retention.bytes") !== -1);
  if (is("state") && policy !== "" && (!compacts || deletes)) {
    add(
      "refuse",
      "cleanup.policy",
      "it keeps state, and records that are needed would be deleted by age or size",
      alter("cleanup.policy=compact"),
    );
  }
  if (compacts && is("history", "dead-letters")) {
    add(
      "refuse",
      "cleanup.policy",
      is("history")
        ? "compaction removes events that a rebuild of the read model needs"
        : "compaction removes dead letters whose key comes again, and refuses those without a key",
      alter("cleanup.policy=delete,retention.ms=-1"),
    );
  } else if (compacts && is("input")) {
    add(
      "warn",
      "cleanup.policy",
      "records whose key comes again may be gone before they are processed",
      alter("cleanup.policy=delete"),
    );
  }
  const retentionMs = number("retention.ms");
  if (deletes && retentionMs !== -1) {
    if (is("history")) {
      add(
        "warn",
        "retention.ms",
        "older events are deleted, and a rebuild of the read model can only use what is left",
        alter("retention.ms=-1"),
      );
    } else if (is("input") && retentionMs < retentionMsMin) {
      add(
        "warn",
        "retention.ms",
        "records are deleted after that time, processed or not",
        alter(`retention.ms=${7 * 24 * 60 * 60 * 1_000}`),
      );
    }
  }
  const wantedMs = Number(config?.["retention.ms"] ?? -1);
  if (is("dead-letters") && !compacts && policy !== "" && retentionMs !== wantedMs) {
    const isShort = retentionMs !== -1 && (wantedMs === -1 || retentionMs < wantedMs);
    add(
      "warn",
      "retention.ms",
      isShort
        ? "dead letters that nobody has looked at by then are gone" +
          (wantedMs === -1 ? "" : `, and the settings keep them for ${wantedMs}`)
        : `dead letters, and what they hold of persons, are kept for longer than the ${wantedMs} of the settings`,
      alter(`retention.ms=${wantedMs}`),
    );
  }
  if (deletes && number("retention.bytes") !== -1 && is("history", "dead-letters", "input")) {
    add(
      "warn",
      "retention.bytes",
      "the oldest records of a partition are deleted above that size, processed or not",
      alter("retention.bytes=-1"),
    );
  }
  const bytesMax = number("max.message.bytes");
  if (is("state") && bytesMax < stateBytesMin) {
    add(
      "refuse",
      "max.message.bytes",
      "entries of the state would not fit",
      alter("max.message.bytes=1048588"),
    );
  } else if (bytesMax < recordBytesMax && is("input", "history", "output", "dead-letters")) {
    add(
      "warn",
      "max.message.bytes",
      `batches are split to fit, but a record over it cannot be written (REQUEST_BYTES_MAX allows ${recordBytesMax})`,
      alter(`max.message.bytes=${is("dead-letters") ? 2 * 1_048_588 : 1_048_588}`),
    );
  }
  const inSync = number("min.insync.replicas");
  if (inSync > description.replicas && uses.length > 0 && !is("cursor")) {
    add(
      "warn",
      "min.insync.replicas",
      `it has ${description.replicas} replica(s), so that nothing can be written to it while one of them is away ` +
        `(and never, in older versions of Kafka)`,
      alter(`min.insync.replicas=${Math.max(1, description.replicas - 1)}`),
    );
  }
  if (settings.get("unclean.leader.election.enable") === "true" && !is("cursor")) {
    add(
      "warn",
      "unclean.leader.election.enable",
      "a replica that lacks acknowledged records can become the leader, and they are lost then",
      alter("unclean.leader.election.enable=false"),
    );
  }
  if (is("cursor") && description.partitions < partitions) {
    const remedy = `add them: kafka-topics.sh --alter --topic ${topic} --partitions ${partitions}`;
    findings.push({
      kind: "refuse",
      topic,
      setting: "partitions",
      text:
        `Topic ${topic} has ${description.partitions} partition(s): the outbox has ${partitions} shards ` +
        `(OUTBOX_SHARDS), and each needs one; ${remedy}`,
      remedy,
    });
  }
  if (is("state") && partitions === 1 && description.partitions > 1) {
    findings.push({
      kind: "warn",
      topic,
      setting: "partitions",
      text:
        `Topic ${topic} has ${description.partitions} partitions: only the first is used, and the others ` +
        `hold nothing of onceflow's; leave it so: made anew, it would lose what it holds`,
      remedy: "leave it so: made anew, it would lose what it holds",
    });
  }
  return findings;
}
