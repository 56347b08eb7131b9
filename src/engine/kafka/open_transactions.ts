/** Asks leaders and coordinators about transactions: what is open where, and whose it is. Changes nothing. */
import { delay } from "../core/delay.ts";
import type { TopicPartition } from "../core/record.ts";
import { fetchClusterMap } from "./cluster_map.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { findTransactionCoordinator } from "./transaction_coordinator.ts";
import {
  describeProducers,
  describeTransactions,
  type ListedTransaction,
  listTransactions,
  type OpenTransaction,
  type TransactionState,
} from "./transaction_states.ts";
import { createErrorFromCode, type VendorCluster } from "./vendor.ts";

/** The topic of all committed offsets. */
export const offsetsTopic = "__consumer_offsets";
/** The topic of the transaction coordinators' states. */
export const stateTopic = "__transaction_state";

/** What is open, and which partitions could not be asked. */
export interface OpenOnes {
  readonly open: readonly OpenTransaction[];
  /** Without a leader now: nothing can be said of them, nor written to them. */
  readonly leaderless: readonly TopicPartition[];
  /** The leader refuses to say: we may not read that topic. */
  readonly refused: readonly TopicPartition[];
}

const attemptsMax = 10;
const retryMs = 200;
const notLeader = new Set(["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE"]);
const transient = new Set([
  ...["NOT_COORDINATOR_FOR_GROUP", "GROUP_COORDINATOR_NOT_AVAILABLE", "GROUP_LOAD_IN_PROGRESS"],
  ...["REQUEST_TIMED_OUT", "NETWORK_EXCEPTION"],
]);

/** Kafka's own, which no producer writes to. */
const internal = new Set([stateTopic, "__share_group_state"]);

/** Whether to look into it: the committed offsets always; else those that are named, or all but Kafka's own. */
export function isLookedInto(topic: string, topics: readonly string[] | undefined): boolean {
  return topic === offsetsTopic || (topics?.includes(topic) ?? !internal.has(topic));
}

/** All partitions of these topics and of the committed offsets; of every topic where none is named. */
export async function findOpen(
  cluster: VendorCluster,
  topics: readonly string[] | undefined,
): Promise<OpenOnes> {
  const places = (await fetchClusterMap(cluster)).partitions.filter(({ topic }) =>
    isLookedInto(topic, topics)
  );
  const open: OpenTransaction[] = [];
  const leaderless: TopicPartition[] = places.filter(({ leader }) => leader < 0);
  const refused: TopicPartition[] = [];
  const byLeader = Map.groupBy(places.filter(({ leader }) => leader >= 0), ({ leader }) => leader);
  await Promise.all([...byLeader].map(async ([nodeId, own]) => {
    let answers;
    try {
      const broker = await cluster.findBroker({ nodeId });
      answers = await broker.connectionPool.send(describeProducers(own));
    } catch (error) {
      if (protocolErrorType(error) === "UNSUPPORTED_VERSION") throw error;
      return void leaderless.push(...own);
    }
    for (const answer of answers) {
      open.push(...answer.open);
      if (answer.errorCode === 0) continue;
      const away = notLeader.has(protocolErrorType(createErrorFromCode()(answer.errorCode)) ?? "");
      (away ? leaderless : refused).push(answer);
    }
  }));
  return { open, leaderless, refused };
}

/** The id's state; undefined where the coordinator has never heard of it. @throws its other errors */
export async function describeTransaction(
  cluster: VendorCluster,
  transactionalId: string,
  signal?: AbortSignal,
): Promise<TransactionState | undefined> {
  for (let attempt = 1;; attempt++) {
    try {
      if (!cluster.isConnected()) await cluster.connect();
      const coordinator = await findTransactionCoordinator(cluster, transactionalId);
      const [state] = await coordinator.connectionPool.send(
        describeTransactions([transactionalId]),
      );
      if (state?.errorCode === transactionalIdNotFound) return undefined;
      if (state && state.errorCode !== 0) throw createErrorFromCode()(state.errorCode);
      return state;
    } catch (error) {
      const type = protocolErrorType(error);
      if (attempt >= attemptsMax || (type !== undefined && !transient.has(type))) throw error;
      await delay(retryMs, signal);
      await fetchClusterMap(cluster).catch(() => {});
    }
  }
}

const transactionalIdNotFound = 105;

/** False where there may be ids that we are not told of: Kafka leaves out in silence those that we may not describe. */
export async function seesAllIds(cluster: VendorCluster): Promise<boolean> {
  try {
    await describeTransaction(cluster, crypto.randomUUID());
    return true;
  } catch (error) {
    if (protocolErrorType(error) === "TRANSACTIONAL_ID_AUTHORIZATION_FAILED") return false;
    throw error;
  }
}

/** Ids by their producer ids. */
export interface IdsOfProducers {
  readonly ids: ReadonlyMap<bigint, ListedTransaction>;
  /** False where a coordinator could not be asked: what is missing here may have an id all the same. */
  readonly isWhole: boolean;
}

/** The ids that have these producer ids at present, from all brokers that can be reached. */
export async function idsOfProducers(
  cluster: VendorCluster,
  producerIds: readonly bigint[],
): Promise<IdsOfProducers> {
  const first = await askForIds(cluster, producerIds);
  if (!first.isWhole || producerIds.every((id) => first.ids.has(id))) return first;
  // One that has just become the leader of a part of them does not say yet that it is loading that.
  await delay(becomingMs);
  return await askForIds(cluster, producerIds);
}

const becomingMs = 1_000;

async function askForIds(
  cluster: VendorCluster,
  producerIds: readonly bigint[],
): Promise<IdsOfProducers> {
  if (producerIds.length === 0) return { ids: new Map(), isWhole: true };
  const { nodeIds, partitions } = await fetchClusterMap(cluster);
  let isWhole = partitions.every(({ topic, leader }) => topic !== stateTopic || leader >= 0);
  const lists = await Promise.all(nodeIds.map(async (nodeId) => {
    try {
      const broker = await cluster.findBroker({ nodeId });
      const { errorCode, listed } = await broker.connectionPool.send(listTransactions(producerIds));
      if (errorCode !== 0) isWhole = false;
      return listed;
    } catch {
      isWhole = false;
      return [];
    }
  }));
  return { ids: new Map(lists.flat().map((listed) => [listed.producerId, listed])), isWhole };
}
