/**
 * A cluster of two nodes with replication 1, of any version: what lies on the second is without a leader while that one is
 * down. The first is the controller; either of them keeps the committed offsets (the second where nothing is said) and the
 * transactions.
 */
import { basename, join } from "node:path";
import type { TopicPartition } from "../../src/engine/core/record.ts";
import { type ClusterMap, fetchClusterMap } from "../../src/engine/kafka/cluster_map.ts";
import { withCluster } from "../../src/engine/kafka/group_standing.ts";
import { createKafkaClient, type KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { readLogRange } from "../../src/engine/kafka/log_range.ts";
import { createAdmin } from "../../src/engine/kafka/vendor_admin.ts";
import { emitterClass, type VendorCluster } from "../../src/engine/kafka/vendor.ts";
import { requireJava } from "../../src/tools/stack/java.ts";
import { kafkaJars } from "../../src/tools/stack/kafka_jars.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { type Daemon, waitUntilGone } from "../../src/tools/stack/processes.ts";
import { sendSignal } from "../../src/tools/stack/send_signal.ts";
import {
  awaitBroker,
  type BrokerOptions,
  newClusterId,
  startBroker,
} from "../../src/tools/stack/start_broker.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { root } from "./services.ts";

/** Topics by name, with the node that each partition lies on; "both" is led by the first. */
export type Placement = Readonly<Record<string, readonly (1 | 2 | "both")[]>>;

/** A running cluster. Disposing kills it and deletes its data. */
export interface TwoNodes extends AsyncDisposable {
  readonly client: KafkaClient;
  readonly brokers: readonly string[];
  readonly jars: string;
  makeTopics(placement: Placement, config?: Readonly<Record<string, string>>): Promise<void>;
  /** Kills the second node and waits until its partitions have no leader. */
  kill(): Promise<void>;
  /** Starts it again and waits until it leads its partitions. */
  revive(): Promise<void>;
  /** Gives the first partition of a topic to that node alone, and waits until it serves it. */
  move(topic: string, node: 1 | 2): Promise<void>;
  /** Waits until each leader has learned that it is one. */
  untilServed(): Promise<void>;
}

/** So that a node is missed soon, and a transaction that is over its time is ended soon. */
const settings = {
  "offsets.topic.num.partitions": "1",
  "broker.session.timeout.ms": "3000",
  "broker.heartbeat.interval.ms": "500",
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
};

/**
 * Starts it; `coordinator` is the node that keeps the state of transactions (of two, each keeps half), `offsets` the one of
 * committed offsets.
 */
export async function startTwoNodes(
  version: string,
  { coordinator = 1, offsets = 2, signal }: {
    readonly coordinator?: 1 | 2 | readonly [1, 2];
    readonly offsets?: 1 | 2;
    /** Ends a wait for a node; what was started is killed. */
    readonly signal?: AbortSignal;
  } = {},
): Promise<TwoNodes> {
  const coordinators = typeof coordinator === "number" ? [coordinator] : coordinator;
  const cacheDirectory = `${root}.onceflow/cache`;
  const java = await requireJava();
  const jars = await kafkaJars({ version, cacheDirectory });
  const archive = join(cacheDirectory, `${basename(jars)}-java-${java.version}.jsa`);
  const directory = await Deno.makeTempDir({ dir: `${root}.onceflow`, prefix: "two-nodes-" });
  const common = {
    ...{ jars, java, clusterId: newClusterId(), heapMiB: 256, signal },
    voters: [{ nodeId: 1, controllerPort: freePort() }],
    archive: await Deno.stat(archive).then(() => archive, () => undefined),
    settings: {
      ...settings,
      // A node believes in the number that it starts with, whatever the topic has later.
      "transaction.state.log.num.partitions": String(coordinators.length),
    },
  };
  const nodes = ([1, 2] as const).map((nodeId): BrokerOptions => ({
    ...common,
    shortLived: true,
    nodeId,
    ...(nodeId === 2 && { roles: "broker" as const }),
    port: freePort(),
    dataDirectory: join(directory, `node-${nodeId}`),
    logFile: join(directory, `node-${nodeId}.log`),
  }));
  const daemons = new Map<number, Daemon>();
  const start = async (node: BrokerOptions) => {
    const daemon = await startBroker(node);
    daemons.set(node.nodeId, daemon);
    await awaitBroker(daemon, node);
  };
  const kill = async (nodeId: number) => {
    const daemon = daemons.get(nodeId);
    daemons.delete(nodeId);
    if (!daemon) return;
    await sendSignal(daemon.identity, "KILL");
    await waitUntilGone(daemon.identity, { waitMsMax: 10_000 });
  };
  await using started = new AsyncDisposableStack();
  started.defer(() => Deno.remove(directory, { recursive: true }));
  const starts = nodes.map(start);
  started.defer(async () => {
    // One that is still being started has no process to kill yet.
    await Promise.allSettled(starts);
    await kill(2);
    await kill(1);
  });
  await Promise.all(starts);
  const brokers = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const client = createKafkaClient({ brokers, clientId: "onceflow-test", ssl: false });
  await untilSeen(client, isWhole);
  await makeTopics(client, { __transaction_state: coordinators, __consumer_offsets: [offsets] }, {
    "cleanup.policy": "compact",
  });
  const second = nodes[1];
  if (!second) throw new RangeError("there are two nodes");
  const resources = started.move();
  return {
    ...{ client, brokers, jars },
    makeTopics: (placement, config) => makeTopics(client, placement, config),
    async kill() {
      await kill(2);
      await untilSeen(client, ({ nodeIds }) => !nodeIds.includes(2));
    },
    async revive() {
      await start(second);
      await untilSeen(client, isWhole);
    },
    move: (topic, node) => move(client, topic, node),
    untilServed: () =>
      withCluster(client, async (cluster) => {
        await untilServed(cluster, (await fetchClusterMap(cluster)).partitions);
      }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function isWhole({ nodeIds, partitions }: ClusterMap): boolean {
  return nodeIds.length === 2 && partitions.every(({ leader }) => leader >= 0);
}

async function untilSeen(client: KafkaClient, done: (map: ClusterMap) => boolean): Promise<void> {
  await withCluster(client, async (cluster) => {
    const seen = await waitFor(async () => {
      const map = await fetchClusterMap(cluster).catch(() => undefined);
      return map && done(map) ? true : undefined;
    }, { waitMsMax: 60_000, intervalMs: 100 });
    if (!seen) throw new Error("the cluster is not as it should be after a minute");
  });
}

async function makeTopics(
  client: KafkaClient,
  placement: Placement,
  config: Record<string, string> = {},
): Promise<void> {
  await withCluster(client, async (cluster) => {
    await adminOf(client, cluster).createTopics({
      waitForLeaders: false,
      topics: Object.entries(placement).map(([topic, nodes]) => ({
        topic,
        numPartitions: -1,
        replicationFactor: -1,
        replicaAssignment: nodes.map((node, partition) => ({
          partition,
          replicas: node === "both" ? [1, 2] : [node],
        })),
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      })),
    });
  });
  await untilSeen(
    client,
    ({ partitions }) =>
      Object.entries(placement).every(([topic, nodes]) =>
        nodes.every((node, partition) =>
          partitions.some((seen) =>
            seen.topic === topic && seen.partition === partition &&
            seen.leader === (node === "both" ? 1 : node)
          )
        )
      ),
  );
  const places = Object.entries(placement).flatMap(([topic, nodes]) =>
    nodes.map((_, partition) => ({ topic, partition }))
  );
  await withCluster(client, (cluster) => untilServed(cluster, places));
}

async function move(client: KafkaClient, topic: string, node: 1 | 2): Promise<void> {
  const place = { topic, partition: 0 };
  await withCluster(client, (cluster) =>
    adminOf(client, cluster).alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: [{ partition: 0, replicas: [node] }] }],
    }));
  await untilSeen(
    client,
    ({ partitions }) =>
      partitions.some((seen) =>
        seen.topic === topic && seen.partition === 0 && seen.leader === node
      ),
  );
  await withCluster(client, (cluster) => untilServed(cluster, [place]));
}

/** What of kafkajs's administrative client only tests need. */
interface PlacingAdmin {
  createTopics(options: unknown): Promise<boolean>;
  alterPartitionReassignments(options: unknown): Promise<void>;
}

function adminOf(client: KafkaClient, cluster: VendorCluster): PlacingAdmin {
  const Emitter = emitterClass();
  // It has more methods than its type, which names those that the engine calls.
  return createAdmin()({
    cluster,
    logger: client.logger,
    retry: { retries: 5 },
    instrumentationEmitter: new Emitter({}),
  }) as unknown as PlacingAdmin;
}

/** A leader that the metadata names may not know of it yet. */
async function untilServed(
  cluster: VendorCluster,
  places: readonly TopicPartition[],
): Promise<void> {
  for (const place of places) {
    await waitFor(
      () => readLogRange(cluster, place).then(() => true, () => undefined),
      { waitMsMax: 60_000, intervalMs: 100 },
    );
  }
}
