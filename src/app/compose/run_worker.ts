/** Runs the background roles of one process: relay, flow, projector. */
import { groupsOf, type Role } from "./roles.ts";
import { getLogger } from "@logtape/logtape";
import type { Guarantee } from "../../config.ts";
import { createHealth, type Health } from "../../engine/core/health.ts";
import type { LaneObserver } from "../../engine/core/lane_observer.ts";
import { LaneBoard } from "../../engine/core/lane_board.ts";
import { watchTransactions } from "../../engine/kafka/watch_transactions.ts";
import { invoicing, invoicingName, type InvoicingOptions } from "../orders/invoicing.ts";
import { bothRelayObservers } from "../../engine/outbox/both_relay_observers.ts";
import { runRelays } from "../../engine/outbox/run_relays.ts";
import type { RelayObserver } from "../../engine/outbox/relay_options.ts";
import {
  type RelayFigures,
  type RelayWatcher,
  watchRelays,
} from "../../engine/outbox/watch_relays.ts";
import { writtenTopics } from "../../engine/outbox/written_topics.ts";
import type { Runtime } from "./open_runtime.ts";
import { deadLetterRetentionMs } from "./topics_of.ts";
import { type ProjectorRoleOptions, runProjectorRole } from "./run_projector_role.ts";
import { runFlow } from "../../engine/flow/run_flow.ts";
import type { LaneFigures } from "../../engine/flow/judge_lanes.ts";
import { watchLanes } from "../../engine/flow/watch_lanes.ts";

/** Who is told of what the roles do. */
export interface WorkerObservers {
  readonly lane?: LaneObserver;
  readonly relay?: RelayObserver;
  /** Told of each partition in which a transaction was ended that Kafka had forgotten there. */
  readonly forgotten?: (outcome: "commit" | "abort") => void;
  readonly projector?: ProjectorRoleOptions["observer"];
  /** Told which partitions this process has of a group, after each rebalance. */
  readonly assigned?: ProjectorRoleOptions["assigned"];
}

/** What a worker runs, and who is told. */
export interface WorkerOptions {
  readonly roles: readonly Role[];
  readonly guarantee: Guarantee;
  /** Told what stands in the way of any role. */
  readonly health?: Health;
  /** Told of each role that halts; the others go on. */
  readonly onHalt?: (role: Role, error: unknown) => void;
  readonly observers?: WorkerObservers;
  /** Told of lags and ages, for metrics. */
  readonly figures?: LaneFigures & RelayFigures;
  readonly beforeTry?: InvoicingOptions["beforeTry"];
}

const log = getLogger(["onceflow", "worker"]);

/**
 * Runs until the signal fires; then every role ends its transaction, leaves its group and this resolves.
 *
 * A role that halts does not end the others: each of them keeps its own promise without it. It stays in `health` with its
 * reason, and the worker ends with that reason when no role is left, or when it is told to stop.
 *
 * @throws the reason of the first role that halted
 */
export async function runWorker(
  runtime: Runtime,
  options: WorkerOptions,
  signal: AbortSignal,
): Promise<void> {
  const { health = createHealth() } = options;
  runtime.client.recordClock.reportTo(health);
  const board = new LaneBoard();
  const { figures } = options;
  const relays = watchRelays({ sql: runtime.database.sql, health, figures });
  const run: Record<Role, () => Promise<unknown>> = {
    relay: () => runRelayRole(runtime, { ...options, health }, relays, signal),
    flow: () => runInvoicing(runtime, { ...options, health }, board, signal),
    projector: () =>
      runProjectorRole(runtime, {
        ...{ board, health },
        observer: options.observers?.projector,
        assigned: options.observers?.assigned,
      }, signal),
  };
  const ended = new AbortController();
  const watched = AbortSignal.any([signal, ended.signal]);
  const watching = [
    relays.run(watched),
    watchLanes(runtime.client, {
      ...{ board, health, figures },
      transactionalGroups: new Set(
        options.guarantee === "exactly-once" ? [groupsOf(runtime.config).invoicing] : [],
      ),
    }, watched),
    watchTransactions(runtime.client, {
      topics: [...runtime.partitions.keys()],
      moreTopics: options.roles.includes("relay")
        ? () => writtenTopics(runtime.database.sql)
        : undefined,
      health,
      onNews: (_id, news) => news.kind === "ended" && options.observers?.forgotten?.(news.outcome),
    }, watched),
  ];
  log.info("Running {roles} with guarantee {guarantee}", {
    roles: options.roles.join(", "),
    guarantee: options.guarantee,
  });
  const halts: unknown[] = [];
  await Promise.all(options.roles.map(async (role) => {
    try {
      await run[role]();
    } catch (error) {
      halts.push(error);
      const reason = error instanceof Error ? error.message : String(error);
      log.error("The {role} halted: {reason}", { role, reason });
      health.down(`role:${role}`, `the ${role} halted: ${reason}`);
      options.onHalt?.(role, error);
    }
  }));
  ended.abort();
  await Promise.all(watching);
  if (halts.length > 0) throw halts[0];
}

function runRelayRole(
  { client, config, database, services, partitions }: Runtime,
  options: WorkerOptions & { readonly health: Health },
  { observer }: RelayWatcher,
  signal: AbortSignal,
): Promise<void> {
  return runRelays({ client, database, databaseUrl: services.databaseUrl }, {
    groupId: groupsOf(config).relay,
    cursorTopic: config.OUTBOX_CURSOR_TOPIC,
    shards: config.OUTBOX_SHARDS,
    writesTo: [...partitions.keys()],
    transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
    requestBytesMax: config.REQUEST_BYTES_MAX,
    batchRecordsMax: config.RELAY_BATCH_RECORDS_MAX,
    pollIntervalMs: config.RELAY_POLL_INTERVAL_MS,
    retentionHours: config.OUTBOX_RETENTION_HOURS,
    eventSource: `/${config.NAMESPACE}/outbox`,
    health: options.health,
    observer: bothRelayObservers(observer, options.observers?.relay),
    onForgotten: options.observers?.forgotten,
  }, signal);
}

function runInvoicing(
  { config, database, client }: Runtime,
  options: WorkerOptions,
  board: LaneBoard,
  signal: AbortSignal,
): Promise<void> {
  const flow = invoicing(database.sql, {
    orders: config.ORDERS_TOPIC,
    invoices: config.INVOICES_TOPIC,
    deadLetters: config.DEAD_LETTERS_TOPIC,
    now: () => new Date(),
    eventSource: `/${config.NAMESPACE}/${invoicingName}`,
    beforeTry: options.beforeTry,
    retry: {
      retriesMax: config.RETRY_COUNT_MAX,
      backoffMs: config.RETRY_BACKOFF_MS,
      backoffMsMax: config.RETRY_BACKOFF_MS_MAX,
    },
  });
  return runFlow(client, flow, signal, {
    guarantee: options.guarantee,
    batchRecordsMax: config.BATCH_RECORDS_MAX,
    batchBytesMax: config.BATCH_BYTES_MAX,
    batchPlanMsMax: config.BATCH_PLAN_MS_MAX,
    requestBytesMax: config.REQUEST_BYTES_MAX,
    transactionTimeoutMs: config.TRANSACTION_TIMEOUT_MS,
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    dependencyBackoffMsMax: config.DEPENDENCY_BACKOFF_MS_MAX,
    deadLetterRetentionMs: deadLetterRetentionMs(config),
    health: options.health,
    observer: options.observers?.lane,
    onForgotten: options.observers?.forgotten,
    onAssigned: (owned) => options.observers?.assigned?.(groupsOf(config).invoicing, owned),
  }, { board });
}
