/** What each broker says of itself, and which brokers cannot be reached from here. Only asks. */
import { fetchClusterMap } from "../../engine/kafka/cluster_map.ts";
import { brokerSettings, type TopicSettings } from "../../engine/kafka/topic_settings.ts";
import { fetchFeatures, type KafkaFeatures } from "../../engine/kafka/transaction_version.ts";
import type { VendorCluster } from "../../engine/kafka/vendor.ts";

/** One broker. */
export interface BrokerFacts {
  readonly nodeId: number;
  readonly features: KafkaFeatures;
  /** The newest version of each request that it knows, by the request's number. */
  readonly requests: Readonly<Record<number, number>>;
  readonly settings: Pick<TopicSettings, "errorCode" | "values">;
}

/** A broker that the cluster names and that did not answer. */
export interface BrokerAway {
  readonly nodeId: number;
  /** Where the cluster says that it is; absent where the cluster does not list it, and has partitions that it is to hold. */
  readonly address?: string;
  /** Why it did not answer there. */
  readonly reason?: string;
}

/** All brokers of a cluster. */
export interface Brokers {
  readonly there: readonly BrokerFacts[];
  readonly away: readonly BrokerAway[];
}

/** Asks each broker that the cluster names. */
export async function readBrokers(
  cluster: VendorCluster,
  settings: readonly string[],
): Promise<Brokers> {
  const { nodeIds, addresses, absentIds } = await fetchClusterMap(cluster);
  const there: BrokerFacts[] = [];
  const away: BrokerAway[] = absentIds.map((nodeId) => ({ nodeId }));
  await Promise.all(nodeIds.map(async (nodeId) => {
    try {
      there.push(await factsOf(cluster, nodeId, settings));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      away.push({ nodeId, address: addresses.get(nodeId) ?? "?", reason });
    }
  }));
  const byNode = (a: { nodeId: number }, b: { nodeId: number }) => a.nodeId - b.nodeId;
  return { there: there.toSorted(byNode), away: away.toSorted(byNode) };
}

async function factsOf(
  cluster: VendorCluster,
  nodeId: number,
  names: readonly string[],
): Promise<BrokerFacts> {
  const broker = await cluster.findBroker({ nodeId });
  return {
    nodeId,
    features: await fetchFeatures(broker),
    requests: Object.fromEntries(
      Object.entries(broker.versions ?? {}).map(([key, known]) => [key, newest(known)]),
    ),
    settings: await brokerSettings(broker, names),
  };
}

/** The newest version of a request, by what the broker has said of it; -1 where it does not know it. */
export function newest(known: unknown): number {
  if (typeof known !== "object" || known === null || !("maxVersion" in known)) return -1;
  return Number(known.maxVersion);
}
