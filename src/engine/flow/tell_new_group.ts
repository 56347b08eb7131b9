/** Says that a group begins with records of which another has made something already. It holds nothing up. */
import { getLogger } from "../packages/logtape.ts";
import type { Flow } from "../core/flow.ts";
import { unlessAborted, withinTime } from "../core/delay.ts";
import { describeTopics } from "../kafka/describe_topics.ts";
import type { GroupBeginnings } from "../kafka/group_beginnings.ts";
import { fetchGroupOffsets } from "../kafka/group_offsets.ts";
import { withCluster } from "../kafka/group_standing.ts";
import type { KafkaClient } from "../kafka/kafka_client.ts";
import { readPartitionEnds } from "../kafka/partition_ends.ts";
import type { VendorCluster } from "../kafka/vendor.ts";
import { inputsOf } from "./flow_topics.ts";

const log = getLogger(["onceflow", "flow"]);
const lookMsMax = 2_000;

/**
 * One line where the group of the flow has committed nothing, and both its inputs and its outputs hold records: a flow that
 * is meant to be new makes them once more on purpose, and one whose name, group or namespace was changed by mistake doubles
 * all that it had made. Which of the two it is only a person knows: others may write to these outputs, too.
 *
 * To be asked before the flow begins, and for a moment only: where Kafka does not tell, nothing is said.
 */
export async function tellNewGroup<T>(
  client: KafkaClient,
  flow: Flow<T>,
  beginnings: Pick<GroupBeginnings, "find">,
  signal: AbortSignal,
): Promise<void> {
  const { groupId } = flow;
  try {
    const looking = unlessAborted(repeatsOthers(client, flow, beginnings, signal), signal);
    if (!await withinTime(looking, lookMsMax, () => false)) return;
    log.warn(
      "Group {groupId} has committed nothing yet and begins with the earliest record of {inputs}, although {outputs} " +
        "already hold(s) records. Where a flow of another name, group or namespace has made these of the same input, they " +
        "are made once more: if that is not meant, stop this and set the name back",
      { groupId, inputs: inputsOf(flow).join(", "), outputs: outputsOf(flow).join(", ") },
    );
  } catch (error) {
    log.debug("Cannot see whether group {groupId} is new: {error}", {
      groupId,
      error: String(error),
    });
  }
}

/**
 * Whether the group has never committed anything, begins with the earliest record, and there are records on both sides. One
 * whose offsets are gone, with the topic or by their age, has a note of its own, and its lanes say what became of it.
 */
export async function repeatsOthers<T>(
  client: KafkaClient,
  flow: Flow<T>,
  beginnings: Pick<GroupBeginnings, "find">,
  signal: AbortSignal,
): Promise<boolean> {
  if ((flow.startFrom ?? "earliest") !== "earliest") return false;
  const { groupId } = flow;
  const inputs = inputsOf(flow);
  const mayRepeat = await withCluster(client, async (cluster) => {
    const committed = await fetchGroupOffsets(cluster, groupId);
    return !committed.some(({ topic }) => inputs.includes(topic)) &&
      await holdRecords(cluster, inputs) && await holdRecords(cluster, outputsOf(flow));
  });
  if (!mayRepeat) return false;
  const noted = await Promise.all(
    inputs.map((topic) => beginnings.find({ groupId, topic }, signal)),
  );
  return noted.every((note) => note === undefined);
}

function outputsOf<T>(flow: Flow<T>): string[] {
  return flow.to.map(({ name }) => name);
}

/** Whether any was ever written there; markers of transactions count, too. */
async function holdRecords(cluster: VendorCluster, topics: readonly string[]): Promise<boolean> {
  const described = await describeTopics(cluster, topics);
  const places = described.flatMap(({ topic, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  );
  const ends = await readPartitionEnds(cluster, places);
  return ends.some(({ lastStableOffset }) => lastStableOffset > 0);
}
