/**
 * The assigner that kafkajs calls where this member leads its group, in the place of its round robin: that one hands the
 * leader's topics to all members, whatever they subscribe to.
 */
import { Buffer } from "node:buffer";
import { z } from "../packages/zod.ts";
import type { TopicPartition } from "../core/record.ts";
import { assignPartitions, assignTogether, type GroupCandidate } from "./assign_partitions.ts";
import { WireReader } from "./codec/wire_reader.ts";
import { WireWriter } from "./codec/wire_writer.ts";
import { fetchTopicMetadata, unknownTopicCode } from "./topic_metadata.ts";
import type { VendorCluster } from "./vendor.ts";

/** Under this name members agree; a consumer that is not onceflow's knows none of it and is refused by the coordinator. */
export const assignerName = "onceflow";

/** What the members tell each other beside their topics. */
const ownedShape = z.object({
  generation: z.int(),
  owned: z.array(z.tuple([z.string(), z.array(z.int().nonnegative())])),
});

/** What this member has, to be told when it joins again. */
export interface OwnedPartitions {
  readonly generation: number;
  readonly partitions: readonly TopicPartition[];
}

const version = 0;

/** One member's. */
export class Assigner {
  readonly name = assignerName;
  readonly version = version;
  /** Of all topics of the group, when this member last assigned them. */
  #counts: ReadonlyMap<string, number> = new Map();
  #topics: readonly string[] = [];

  /** `together`: one member has the same partition of all topics. All members of a group must agree in that. */
  constructor(
    readonly cluster: VendorCluster,
    readonly owned: () => OwnedPartitions,
    readonly together = false,
  ) {}

  /** Called by kafkajs when it joins. */
  protocol({ topics }: { readonly topics: readonly string[] }) {
    return { name: this.name, metadata: encodeSubscription(topics, this.owned()) };
  }

  /** Called by kafkajs where this member leads. */
  async assign(
    { members }: {
      readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
    },
  ) {
    const candidates = members.map(({ memberId, memberMetadata }) =>
      decodeSubscription(memberId, memberMetadata)
    );
    this.#topics = [...new Set(candidates.flatMap(({ topics }) => topics))].sort();
    const counts = this.#counts = await this.#partitionCounts(candidates);
    const assign = this.together ? assignTogether : assignPartitions;
    return [...assign(candidates, counts)].map(([memberId, partitions]) => ({
      memberId,
      memberAssignment: encodeAssignment(partitions),
    }));
  }

  /** Whether a topic of the group has other partitions by now than were assigned. */
  async isOutdated(): Promise<boolean> {
    const counts = await this.#partitionCounts([]);
    return this.#topics.some((topic) => counts.get(topic) !== this.#counts.get(topic));
  }

  /**
   * Asked of a broker: kafkajs's own metadata has this member's topics only, and none where one of them is missing. A broker
   * that has just started may not have heard of a topic yet: what was assigned, or is owned, of it is there still.
   */
  async #partitionCounts(
    candidates: readonly GroupCandidate[],
  ): Promise<ReadonlyMap<string, number>> {
    const broker = await this.cluster.brokerPool.findConnectedBroker();
    const owned = candidates.flatMap((candidate) => candidate.owned);
    const counts = new Map<string, number>();
    for (const { topic, errorCode, partitions } of await fetchTopicMetadata(broker, this.#topics)) {
      const ownedUpTo = () =>
        owned.reduce(
          (max, place) => place.topic === topic ? Math.max(max, place.partition) : max,
          -1,
        );
      const known = () => this.#counts.get(topic) ?? ownedUpTo() + 1;
      counts.set(topic, errorCode === unknownTopicCode ? known() : partitions.length);
    }
    return counts;
  }
}

function encodeSubscription(
  topics: readonly string[],
  { generation, partitions }: OwnedPartitions,
): Buffer {
  const writer = new WireWriter("classic");
  const owned = [...Map.groupBy(partitions, ({ topic }) => topic)]
    .map(([topic, places]) => [topic, places.map(({ partition }) => partition)] as const);
  const userData = new TextEncoder().encode(JSON.stringify({ generation, owned }));
  return Buffer.from(
    writer.int16(version).array(topics, (topic) => writer.string(topic)).nullableBytes(userData)
      .finish(),
  );
}

function decodeSubscription(memberId: string, metadata: Uint8Array): GroupCandidate {
  const reader = new WireReader(metadata, "classic", `the subscription of member ${memberId}`);
  reader.int16(); // a later version only adds behind what is read here
  const topics = reader.array(() => reader.text());
  const userData = reader.nullableBytes();
  const told = ownedShape.safeParse(parseJson(userData));
  if (!told.success) return { memberId, topics, owned: [], generation: -1 };
  const owned = told.data.owned.flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition }))
  );
  return { memberId, topics, owned, generation: told.data.generation };
}

function parseJson(bytes: Uint8Array | null): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes ?? undefined));
  } catch {
    return undefined;
  }
}

function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const writer = new WireWriter("classic");
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)];
  writer.int16(version).array(topics, ([topic, places]) => {
    writer.string(topic).array(places, ({ partition }) => writer.int32(partition));
  }).nullableBytes(new Uint8Array(0));
  return Buffer.from(writer.finish());
}
