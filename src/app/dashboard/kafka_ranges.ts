/** How far everybody has come on Kafka, read in the order that makes it a cut. It knows no Kafka client. */
import type { LogRange } from "../../engine/core/ports.ts";
import type { TopicPartition } from "../../engine/core/record.ts";

/** The two questions to Kafka; `src/kafka` answers them. */
export interface KafkaReads {
  /** The group's committed offset, -1 where there is none. */
  committedOffset(groupId: string, partition: TopicPartition): Promise<number>;
  /** Under read_committed. */
  range(partition: TopicPartition): Promise<LogRange>;
}

/** Which groups and topics the pipeline has. */
export interface PipelineNames {
  readonly ordersTopic: string;
  readonly invoicesTopic: string;
  readonly deadLettersTopic: string;
  readonly cursorTopic: string;
  readonly relayGroup: string;
  readonly flowGroup: string;
  readonly shards: number;
  /** Partitions of a topic. */
  partitions(topic: string): number;
}

/** Committed offsets, and ends that were read after them. */
export interface KafkaRanges {
  readonly at: Date;
  /** The next outbox position to be published; 0 where none was. */
  readonly relay: readonly { readonly shard: number; readonly next: number }[];
  /** The next record of the orders topic that the flow reads; 0 where it has committed none. */
  readonly worker: readonly { readonly partition: number; readonly next: number }[];
  readonly ends: readonly (TopicPartition & LogRange)[];
}

/**
 * Reads the committed offsets first and the ends after them. An offset is committed together with what was written for
 * it, or later: so everything that the offsets stand for lies below the ends.
 */
export async function readKafkaRanges(
  kafka: KafkaReads,
  names: PipelineNames,
): Promise<KafkaRanges> {
  const at = new Date();
  const [relay, worker] = await Promise.all([
    Promise.all(
      indexes(names.shards).map(async (shard) => {
        const place = { topic: names.cursorTopic, partition: shard };
        return { shard, next: Math.max(0, await kafka.committedOffset(names.relayGroup, place)) };
      }),
    ),
    Promise.all(
      indexes(names.partitions(names.ordersTopic)).map(async (partition) => {
        const place = { topic: names.ordersTopic, partition };
        return {
          partition,
          next: Math.max(0, await kafka.committedOffset(names.flowGroup, place)),
        };
      }),
    ),
  ]);
  const places = [names.ordersTopic, names.invoicesTopic, names.deadLettersTopic].flatMap((topic) =>
    indexes(names.partitions(topic)).map((partition) => ({ topic, partition }))
  );
  const ends = await Promise.all(
    places.map(async (place) => ({ ...place, ...await kafka.range(place) })),
  );
  return { at, relay, worker, ends };
}

function indexes(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
