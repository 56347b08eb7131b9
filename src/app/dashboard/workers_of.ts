/** Says which worker has which partitions, and what waits in each. A pure function. */
import type { TopicPartition } from "../../engine/core/record.ts";
import type { PartitionLag, Workers } from "./dashboard_data.ts";
import type { KafkaRanges } from "./kafka_ranges.ts";

/** A consumer group as its coordinator describes it; `src/kafka` asks. */
export interface GroupSeen {
  readonly state: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly clientId: string;
    readonly host: string;
    readonly assigned: readonly TopicPartition[];
  }[];
}

/** Partitions that no member has are told apart: a group that has just lost a member has some for a moment. */
export function workersOf(
  { state, members }: GroupSeen,
  topic: string,
  { worker, ends }: KafkaRanges,
): Workers {
  const committed = new Map(worker.map(({ partition, next }) => [partition, next]));
  const lags = ends.filter((end) => end.topic === topic).map(({ partition, start, end }) => ({
    partition,
    records: Math.max(0, end - Math.max(start, committed.get(partition) ?? 0)),
  }));
  const lagsIn = (partitions: ReadonlySet<number>) =>
    lags.filter(({ partition }) => partitions.has(partition));
  const rows = members.map(({ memberId, clientId, host, assigned }) => ({
    member: memberId,
    client: clientId,
    host: host.replace(/^\//, ""),
    partitions: lagsIn(
      new Set(assigned.filter((each) => each.topic === topic).map(({ partition }) => partition)),
    ),
  })).sort((a, b) => first(a.partitions) - first(b.partitions) || (a.member < b.member ? -1 : 1));
  const owned = new Set(rows.flatMap(({ partitions }) => partitions.map((each) => each.partition)));
  const unowned = lags.filter(({ partition }) => !owned.has(partition));
  return { state, members: rows, unowned };
}

/** Who has none stands last. */
function first([lag]: readonly PartitionLag[]): number {
  return lag?.partition ?? Number.MAX_SAFE_INTEGER;
}
