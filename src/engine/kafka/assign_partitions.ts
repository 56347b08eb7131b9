/** Decides which member of a group gets which partitions. Pure. */
import { formatPartition, type TopicPartition } from "../core/record.ts";

/** A member, as it described itself when it joined. */
export interface GroupCandidate {
  readonly memberId: string;
  /** It is given partitions of these and of no others: members of one group may read different topics. */
  readonly topics: readonly string[];
  /** What it had until now. */
  readonly owned: readonly TopicPartition[];
  /** The group's generation that gave it those; of two that claim a partition the later one has it. */
  readonly generation: number;
}

/** Partitions by member. Members without any are there, too. */
export type Assignments = ReadonlyMap<string, readonly TopicPartition[]>;

interface Share {
  readonly candidate: GroupCandidate;
  readonly partitions: TopicPartition[];
  readonly perTopic: Map<string, number>;
  /** As many as it may keep. */
  readonly most: number;
}

/**
 * Every partition goes to one of the members that subscribe to its topic. A member keeps what it had up to its fair share,
 * so that a member who comes or goes moves few partitions; the rest goes to whoever has least.
 */
export function assignPartitions(
  candidates: readonly GroupCandidate[],
  counts: ReadonlyMap<string, number>,
): Assignments {
  const subscribers = (topic: string) =>
    candidates.filter((candidate) => candidate.topics.includes(topic)).length;
  const fair = new Map(
    [...counts].map(([topic, count]) => [topic, count / Math.max(1, subscribers(topic))]),
  );
  const shares = [...candidates].sort(byGeneration).map((candidate): Share => ({
    candidate,
    partitions: [],
    perTopic: new Map(),
    most: Math.ceil(sum(candidate.topics.map((topic) => fair.get(topic) ?? 0))),
  }));
  const given = new Set<string>();
  const give = (share: Share, place: TopicPartition) => {
    given.add(formatPartition(place));
    share.partitions.push(place);
    share.perTopic.set(place.topic, (share.perTopic.get(place.topic) ?? 0) + 1);
  };
  for (const share of shares) {
    for (const { topic, partition } of share.candidate.owned) {
      const there = share.candidate.topics.includes(topic) && partition < (counts.get(topic) ?? 0);
      const full = share.partitions.length >= share.most ||
        (share.perTopic.get(topic) ?? 0) >= Math.ceil(fair.get(topic) ?? 0);
      if (there && !full && !given.has(formatPartition({ topic, partition }))) {
        give(share, { topic, partition });
      }
    }
  }
  for (const topic of [...counts.keys()].sort()) {
    const mine = shares.filter(({ candidate }) => candidate.topics.includes(topic));
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      if (given.has(formatPartition({ topic, partition }))) continue;
      const [least] = mine.toSorted((a, b) =>
        a.partitions.length - b.partitions.length ||
        (a.perTopic.get(topic) ?? 0) - (b.perTopic.get(topic) ?? 0) ||
        compare(a.candidate.memberId, b.candidate.memberId)
      );
      if (least) give(least, { topic, partition });
    }
  }
  return new Map(shares.map(({ candidate, partitions }) => [candidate.memberId, partitions]));
}

/**
 * As {@linkcode assignPartitions}, so that one member has the same partition of all topics (co-partitioning, as Kafka
 * Streams calls it): what is kept for a key is kept in one place, whichever topic it comes in.
 */
export function assignTogether(
  candidates: readonly GroupCandidate[],
  counts: ReadonlyMap<string, number>,
): Assignments {
  // As if there were one topic, with the partitions of the largest.
  const together = "";
  const count = Math.max(0, ...counts.values());
  const members = candidates.map((candidate) => ({
    ...candidate,
    topics: [together],
    owned: [...new Set(candidate.owned.map(({ partition }) => partition))]
      .map((partition) => ({ topic: together, partition })),
  }));
  const assigned = assignPartitions(members, new Map([[together, count]]));
  const ofAll = ({ partition }: TopicPartition) =>
    [...counts].flatMap(([topic, count]) => partition < count ? [{ topic, partition }] : []);
  return new Map([...assigned].map(([memberId, places]) => [memberId, places.flatMap(ofAll)]));
}

function byGeneration(a: GroupCandidate, b: GroupCandidate): number {
  return b.generation - a.generation || compare(a.memberId, b.memberId);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
