/** Asks Kafka for its brokers before a command starts what is slow to say that it is away. Changes nothing. */
import type { Services } from "../app/compose/services.ts";
import { fetchClusterMap } from "../engine/kafka/cluster_map.ts";
import { withCluster } from "../engine/kafka/group_standing.ts";
import { createKafkaClient } from "../engine/kafka/kafka_client.ts";

/**
 * The checker's own client would try for a minute.
 *
 * @throws {Error} within seconds where no broker answers, with the address and why
 */
export async function reachKafka({ kafka }: Services): Promise<void> {
  await withCluster(createKafkaClient(kafka), fetchClusterMap);
}
