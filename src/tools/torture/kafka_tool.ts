/** Runs Kafka's own command-line tools against the cluster, past the proxies: what operators do is done by their means. */
import { basename, join } from "node:path";

/** Where the tools are and whom they speak to. */
export interface KafkaTools {
  readonly jars: string;
  readonly directBrokers: readonly string[];
  /** For files that tools read. */
  readonly directory: string;
}

/** Runs a tool's main class; answers with its output, and whether it ended well. */
async function run(
  { jars, directBrokers }: KafkaTools,
  main: string,
  args: readonly string[],
): Promise<{ readonly ok: boolean; readonly text: string }> {
  const output = await new Deno.Command("java", {
    args: [
      ...["-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", join(jars, "*"), main],
      ...["--bootstrap-server", directBrokers.join(",")],
      ...args,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return {
    ok: output.success,
    text: decoder.decode(output.stdout) + decoder.decode(output.stderr),
  };
}

/** Raises the number of partitions of a topic; true when it is so. */
export async function addPartitions(
  tools: KafkaTools,
  topic: string,
  partitions: number,
): Promise<boolean> {
  const args = ["--alter", "--topic", topic, "--partitions", String(partitions)];
  return (await run(tools, "org.apache.kafka.tools.TopicCommand", args)).ok;
}

/** Deletes a topic. */
export async function deleteTopic(tools: KafkaTools, topic: string): Promise<boolean> {
  return (await run(tools, "org.apache.kafka.tools.TopicCommand", ["--delete", "--topic", topic]))
    .ok;
}

/** Makes a topic. */
export async function createTopic(
  tools: KafkaTools,
  topic: string,
  partitions: number,
): Promise<boolean> {
  const args = ["--create", "--topic", topic, "--partitions", String(partitions)];
  return (await run(tools, "org.apache.kafka.tools.TopicCommand", args)).ok;
}

const configCommand = "kafka.admin.ConfigCommand";

/** Sets one setting of a topic; true when it is so. */
export async function setTopicSetting(
  tools: KafkaTools,
  topic: string,
  name: string,
  value: string,
): Promise<boolean> {
  const entity = ["--alter", "--entity-type", "topics", "--entity-name", topic];
  return (await run(tools, configCommand, [...entity, "--add-config", `${name}=${value}`])).ok;
}

/** What permissions are about. */
export type Resource = "topic" | "group" | "transactional-id";

/**
 * Takes everything that the pipeline may do with a resource, or with all whose names begin so; true when it is so. Somebody
 * else is allowed to: what a rule speaks of is forbidden to all whom no rule allows it. A rule that denies would be
 * stronger than the one that the pipeline asks for.
 */
export async function forbid(
  tools: KafkaTools,
  resource: Resource,
  name: string,
): Promise<boolean> {
  return (await run(tools, aclCommand(tools), ["--add", ...forOthers(resource, name)])).ok;
}

/** Takes back what {@linkcode forbid} has done; true when it is so. */
export async function allowAgain(
  tools: KafkaTools,
  resource: Resource,
  name: string,
): Promise<boolean> {
  const args = ["--remove", "--force", ...forOthers(resource, name)];
  return (await run(tools, aclCommand(tools), args)).ok;
}

/** Its class has moved with Kafka 4. */
function aclCommand({ jars }: KafkaTools): string {
  const isOld = basename(jars).startsWith("kafka-3.");
  return isOld ? "kafka.admin.AclCommand" : "org.apache.kafka.tools.AclCommand";
}

function forOthers(resource: Resource, name: string): string[] {
  return [
    ...[`--${resource}`, name, "--resource-pattern-type", "prefixed"],
    ...["--allow-principal", "User:somebody-else", "--operation", "All"],
  ];
}

/** Sets the group's offsets on a topic to its end, as an operator would who does not know the engine. */
export async function resetOffsets(
  tools: KafkaTools,
  groupId: string,
  topic: string,
): Promise<boolean> {
  const args = ["--group", groupId, "--topic", topic, "--reset-offsets", "--to-latest"];
  // Its own patience is 5 s, which a machine that has much to do may need.
  const patience = ["--timeout", "30000"];
  const groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
  const { ok, text } = await run(tools, groups, [...args, ...patience, "--execute"]);
  return ok && !/Error/.test(text);
}

/** Leaders by `topic-partition`, with each partition's replicas in their order. */
export async function describeTopics(
  tools: KafkaTools,
): Promise<{ topic: string; partition: number; leader: number; replicas: number[] }[]> {
  const { text } = await run(tools, "org.apache.kafka.tools.TopicCommand", ["--describe"]);
  const line = /Topic: (\S+)\s+Partition: (\d+)\s+Leader: (\S+)\s+Replicas: ([\d,]+)/g;
  return [...text.matchAll(line)].map(([, topic = "", partition, leader, replicas = ""]) => ({
    topic,
    partition: Number(partition),
    leader: Number(leader),
    replicas: replicas.split(",").map(Number),
  }));
}

/**
 * Moves every leader, and with the internal topics every coordinator, to the next replica: the order of the replicas is
 * turned by one and the preferred leaders are elected. Answers with how many leaders are others than before.
 */
export async function moveLeaders(tools: KafkaTools): Promise<number> {
  const before = await describeTopics(tools);
  const partitions = before.map(({ topic, partition, replicas: [first, ...rest] }) => ({
    topic,
    partition,
    replicas: first === undefined ? rest : [...rest, first],
  }));
  const file = join(tools.directory, "reassignment.json");
  await Deno.writeTextFile(file, JSON.stringify({ version: 1, partitions }));
  const reassign = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand";
  await run(tools, reassign, ["--execute", "--reassignment-json-file", file]);
  const election = ["--election-type", "preferred", "--all-topic-partitions"];
  await run(tools, "org.apache.kafka.tools.LeaderElectionCommand", election);
  const leaders = new Map(
    before.map(({ topic, partition, leader }) => [`${topic}-${partition}`, leader]),
  );
  const after = await describeTopics(tools);
  return after.filter(({ topic, partition, leader }) =>
    leader >= 0 && leaders.get(`${topic}-${partition}`) !== leader
  ).length;
}
