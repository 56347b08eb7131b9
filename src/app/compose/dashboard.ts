/** Wires the dashboard: what it reads of Kafka and Postgres, mounted beside the API. */
import type { Hono } from "hono";
import type { Config } from "../../config.ts";
import { unlessAborted } from "../../engine/core/delay.ts";
import { DependencyDownError } from "../../engine/core/errors.ts";
import { openDashboardFeed } from "../dashboard/dashboard_feed.ts";
import { dashboardRoutes } from "../dashboard/dashboard_routes.ts";
import { keepHistory } from "../dashboard/keep_history.ts";
import { readKafkaRanges } from "../dashboard/kafka_ranges.ts";
import { readLetter } from "../dashboard/read_letter.ts";
import { readLastRuns } from "../dashboard/last_runs.ts";
import { openDashboardReader } from "../dashboard/read_dashboard.ts";
import { describeGroup } from "../../engine/kafka/describe_group.ts";
import { translatingOutages } from "../../engine/kafka/kafka_down.ts";
import { openLogSource } from "../../engine/kafka/log_source.ts";
import { permitted } from "../../engine/kafka/missing_permission.ts";
import { fetchStableOffset } from "../../engine/kafka/stable_offset.ts";
import { createAdmit } from "../http/access.ts";
import { mayOperate } from "../http/may_operate.ts";
import { pipelineNames } from "./pipeline_names.ts";
import type { Runtime } from "./open_runtime.ts";

/** The dashboard's routes; dispose it before the runtime. It connects to Kafka when somebody looks. */
export interface Dashboard extends AsyncDisposable {
  readonly routes: Hono;
  /** Ends the streams to pages, and opens none any more: a server that closes would wait for them. */
  endStreams(): void;
}

/** What the page says of guarantees is that of the settings: the worker may run elsewhere with another. */
export function openDashboard({ client, config, database, partitions }: Runtime): Dashboard {
  const cluster = client.cluster();
  const closed = new AbortController();
  const source = openLogSource(client);
  const reader = openDashboardReader({
    sql: database.sql,
    kafkaRanges: () => {
      // Zeros would be taken for figures.
      if (partitions.size === 0) {
        throw new DependencyDownError("kafka", "not reached since the start");
      }
      return readKafkaRanges({
        range: (partition) => unlessAborted(source.range(partition), closed.signal),
        committedOffset: async (groupId, partition) => {
          const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(waitMsMax)]);
          return (await unlessAborted(
            permitted(
              { groupId, topics: [partition.topic], user: client.user },
              () => fetchStableOffset(cluster, groupId, partition, signal),
            ),
            signal,
          )).offset;
        },
      }, rangeNames(config, partitions));
    },
    group: async () => {
      const { invoicingGroup: groupId } = pipelineNames(config);
      const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(waitMsMax)]);
      const ask = async () => {
        if (!cluster.isConnected()) await cluster.connect();
        await cluster.refreshMetadataIfNecessary();
        return await describeGroup(cluster, groupId);
      };
      const asking = translatingOutages(() => permitted({ groupId, user: client.user }, ask));
      return await unlessAborted(asking, signal);
    },
    openReader: (partition, fromOffset) => source.openReader(partition, fromOffset),
    guarantee: { name: config.GUARANTEE, known_from: "setting" },
    topics: {
      orders: config.ORDERS_TOPIC,
      invoices: config.INVOICES_TOPIC,
      dead_letters: config.DEAD_LETTERS_TOPIC,
    },
    shards: config.OUTBOX_SHARDS,
  });
  const kept = keepHistory(() => reader.read());
  const feed = openDashboardFeed(() => kept.read());
  return {
    routes: dashboardRoutes({
      read: () => kept.read(),
      operating: mayOperate(createAdmit(config.API_TOKENS), config.OPERATE_URL),
      history: () => kept.history(),
      runs: () => readLastRuns(config.STACK_DIR),
      find: (orderId) => reader.find(orderId),
      letter: async (partition, offset) => {
        const topic = config.DEAD_LETTERS_TOPIC;
        if (partition >= (partitions.get(topic) ?? 0)) return undefined;
        return await readLetter({ topic, partition }, offset, {
          range: (place) => unlessAborted(source.range(place), closed.signal),
          openReader: (place, fromOffset) => source.openReader(place, fromOffset),
        });
      },
      feed,
    }),
    endStreams: () => feed.close(),
    async [Symbol.asyncDispose]() {
      feed.close();
      await kept[Symbol.asyncDispose]();
      closed.abort(new DOMException("The dashboard was closed", "AbortError"));
      await reader[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
      await cluster.disconnect();
    },
  };
}

const waitMsMax = 5_000;

function rangeNames(config: Config, partitions: ReadonlyMap<string, number>) {
  const { invoicingGroup: flowGroup, ...names } = pipelineNames(config);
  return {
    ...names,
    flowGroup,
    shards: config.OUTBOX_SHARDS,
    partitions: (topic: string) => partitions.get(topic) ?? 0,
  };
}
