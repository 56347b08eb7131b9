/** The checks of what runs on Kafka and Postgres together: groups, open transactions, the outbox. Each only asks. */
import { groupsOf } from "../../app/compose/roles.ts";
import type { Config } from "../../config.ts";
import { HaltError } from "../../engine/core/errors.ts";
import { namesIn } from "../../engine/core/names.ts";
import { askClusterTime } from "../../engine/kafka/cluster_time.ts";
import { describeTopics } from "../../engine/kafka/describe_topics.ts";
import { showTransactions } from "../../engine/kafka/end_by_decision.ts";
import { showOffsets } from "../../engine/kafka/group_standing.ts";
import { offsetsTopic } from "../../engine/kafka/open_transactions.ts";
import { unknownTopicCode } from "../../engine/kafka/topic_metadata.ts";
import { writtenTopics } from "../../engine/outbox/written_topics.ts";
import { type Finding, right } from "./finding.ts";
import { judgeGroup } from "./judge_groups.ts";
import { judgeShard } from "./judge_outbox.ts";
import { judgeTransactions } from "./judge_transactions.ts";
import type { KafkaPlace } from "./kafka_checks.ts";
import { lagOf, laneHalts } from "./lane_halts.ts";
import type { PostgresPlace } from "./postgres_checks.ts";
import { onlyReading, readSchema } from "./read_postgres.ts";
import { readShardFacts } from "./read_shards.ts";
import type { Check } from "./run_checks.ts";

/** What the checks work with. */
export interface PipelinePlace extends KafkaPlace, PostgresPlace {
  readonly config: Config;
}

/** A check, and what it cannot be done without. */
export interface PipelineCheck extends Check {
  readonly needs: readonly ("kafka" | "postgres")[];
}

/** In the order in which they are listed. */
export function pipelineChecks(place: PipelinePlace): readonly PipelineCheck[] {
  return [
    { subject: "groups", needs: ["kafka"], look: () => lookAtGroups(place) },
    { subject: "open transactions", needs: ["kafka"], look: () => lookAtTransactions(place) },
    { subject: "outbox", needs: ["kafka", "postgres"], look: () => lookAtOutbox(place) },
  ];
}

async function lookAtGroups(place: PipelinePlace): Promise<Finding[]> {
  const { client, cluster, config } = place;
  // Kafka makes the topic of committed offsets when somebody asks for a group: that would be a change.
  const [offsets] = await describeTopics(cluster, [offsetsTopic]);
  if (offsets?.errorCode === unknownTopicCode) {
    return [right("groups", "no group has ever committed an offset in this cluster")];
  }
  const { invoicing, projector, relay, redrive } = groupsOf(config);
  const flow = await showOffsets(client, invoicing, [config.ORDERS_TOPIC]);
  const members = await showOffsets(client, projector);
  const others = await Promise.all([relay, redrive].map((groupId) => showOffsets(client, groupId)));
  const halts = await laneHalts(client, flow);
  return [
    ...judgeGroup({ ...flow, role: "flow", halts, lag: lagOf(flow) }),
    ...judgeGroup({ ...members, role: "projector", halts: [] }),
    ...others.flatMap((group) => judgeGroup({ ...group, halts: [] })),
  ];
}

async function lookAtTransactions({ client, config, sql }: PipelinePlace): Promise<Finding[]> {
  // Before the first migration, and while Postgres is away, there are none that are known.
  const written = await writtenTopics(sql).catch(() => []);
  const topics = new Set([
    ...[config.ORDERS_TOPIC, config.INVOICES_TOPIC, config.DEAD_LETTERS_TOPIC],
    ...[namesIn(config.NAMESPACE).lanes, ...written],
  ]);
  const open = await showTransactions(client, [...topics]);
  // Their times are those of brokers; that these do not tell what time it is, the check of the clock says.
  return judgeTransactions(open, (await askClusterTime(client)).ms, client.user);
}

async function lookAtOutbox({ client, sql, config }: PipelinePlace): Promise<Finding[]> {
  const { recorded } = await onlyReading(sql, readSchema);
  if (recorded.length === 0) return [right("outbox", "it is not made yet")];
  const groupId = groupsOf(config).relay;
  const { partitions } = await showOffsets(client, groupId);
  const findings: Finding[] = [];
  for (let shard = 0; shard < config.OUTBOX_SHARDS; shard++) {
    const cursorTopic = config.OUTBOX_CURSOR_TOPIC;
    const found = partitions.find(({ topic, partition }) =>
      topic === cursorTopic && partition === shard
    );
    const cursor = { offset: found?.committed ?? -1, metadata: found?.metadata ?? "" };
    const place = { groupId, cursorTopic, shard };
    findings.push(...judgeShard(
      await onlyReading(sql, async (tx) => {
        try {
          return await readShardFacts(tx, place, cursor);
        } catch (error) {
          if (!(error instanceof HaltError)) throw error;
          return { shard, halt: error.message, after: 0, backlog: { rows: 0, ageMs: 0 }, holds: 0 };
        }
      }),
    ));
  }
  return findings;
}
