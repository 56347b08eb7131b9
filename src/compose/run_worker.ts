/** Runs the background roles of one process: relay, flow, projector. */
import { getLogger } from "@logtape/logtape";
import type { Config, Guarantee } from "../config.ts";
import { atLeastOnce, atMostOnce, type Delivery, exactlyOnce } from "../core/delivery.ts";
import { type LaneObserver, runLane } from "../core/lane.ts";
import type { Transactions } from "../core/ports.ts";
import { fetcherDefaults } from "../kafka/fetcher.ts";
import { type MembershipOptions, runMembership } from "../kafka/membership.ts";
import { openPlainProducer } from "../kafka/plain_producer.ts";
import { createTransactions } from "../kafka/transactions.ts";
import { invoicing, type InvoicingOptions } from "../orders/invoicing.ts";
import { runRelay } from "../outbox/relay.ts";
import type { RelayObserver } from "../outbox/relay_session.ts";
import { openAdvisoryLock } from "../postgres/advisory_lock.ts";
import { type ProjectorDeps, projectPartition } from "../projection/run_projector.ts";
import type { ViewFact } from "../orders/view_events.ts";
import { type Runtime, viewsOf } from "./open_runtime.ts";

/** The background roles. */
export const roles = ["relay", "flow", "projector"] as const;
/** One of {@linkcode roles}. */
export type Role = (typeof roles)[number];

/** Who is told of what the roles do. */
export interface WorkerObservers {
  readonly lane?: LaneObserver;
  readonly relay?: RelayObserver;
  readonly projector?: Pick<ProjectorDeps<ViewFact>, "onApplied" | "onMoved" | "onDependency">;
}

/** What a worker runs, and who is told. */
export interface WorkerOptions {
  readonly roles: readonly Role[];
  readonly guarantee: Guarantee;
  readonly observers?: WorkerObservers;
  readonly beforeTry?: InvoicingOptions["beforeTry"];
}

/** The consumer group of the relay's cursor. */
export const relayGroup = "onceflow.relay";
/** The consumer group that shares partitions among projectors; their positions are in Postgres. */
export const projectorGroup = "onceflow.projector";
/** The class of the advisory locks that say which process relays a shard. */
const relayLockClass = 0x6f6e6365; // "once"

const log = getLogger(["onceflow", "worker"]);

/**
 * Runs until the signal fires; then every role ends its transaction, leaves its group and this resolves.
 *
 * @throws when a role halts: the others are ended first
 */
export async function runWorker(
  runtime: Runtime,
  options: WorkerOptions,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  await using transactions = createTransactions(runtime.client, {
    transactionTimeoutMs: runtime.config.TRANSACTION_TIMEOUT_MS,
    batchBytesMax: runtime.config.REQUEST_BYTES_MAX,
  });
  const run: Record<Role, () => Promise<unknown>> = {
    relay: () => runRelays(runtime, options, transactions, stop),
    flow: () => runFlow(runtime, options, transactions, stop),
    projector: () => runProjector(runtime, options, stop),
  };
  log.info("Running {roles} with guarantee {guarantee}", {
    roles: options.roles.join(", "),
    guarantee: options.guarantee,
  });
  await Promise.all(options.roles.map((role) =>
    run[role]().catch((error) => {
      failed.abort(error);
      log.error("The {role} halted: {reason}", { role, reason: error.message ?? String(error) });
    })
  ));
  if (failed.signal.aborted) throw failed.signal.reason;
}

async function runRelays(
  { config, database, services, partitions }: Runtime,
  options: WorkerOptions,
  transactions: Transactions,
  signal: AbortSignal,
): Promise<void> {
  const shards = Array.from({ length: config.OUTBOX_SHARDS }, (_, shard) => shard);
  await Promise.all(shards.map(async (shard) => {
    await using lock = openAdvisoryLock(
      services.databaseUrl,
      { classId: relayLockClass, objectId: shard },
      { applicationName: `onceflow relay lock ${shard}` },
    );
    await runRelay(
      {
        sql: database.sql,
        transactions,
        lock,
        partitionCount: (topic) => partitions.get(topic),
      },
      {
        shard,
        groupId: relayGroup,
        cursorTopic: config.OUTBOX_CURSOR_TOPIC,
        batchRecordsMax: config.RELAY_BATCH_RECORDS_MAX,
        pollIntervalMs: config.RELAY_POLL_INTERVAL_MS,
        retentionHours: config.OUTBOX_RETENTION_HOURS,
      },
      signal,
      options.observers?.relay,
    );
  }));
}

function runFlow(
  runtime: Runtime,
  options: WorkerOptions,
  transactions: Transactions,
  signal: AbortSignal,
): Promise<void> {
  const { config, database, client, partitions } = runtime;
  const flow = invoicing(database.sql, {
    orders: config.ORDERS_TOPIC,
    invoices: config.INVOICES_TOPIC,
    deadLetters: config.DEAD_LETTERS_TOPIC,
    now: () => new Date(),
    beforeTry: options.beforeTry,
    retry: { retriesMax: config.RETRY_COUNT_MAX, backoffMs: config.RETRY_BACKOFF_MS },
  });
  const delivery = deliveryOf(options.guarantee, runtime, transactions);
  const target = {
    partitionCount: (topic: string) => countOf(partitions, topic),
    recordBytesMax: config.REQUEST_BYTES_MAX,
    planMsMax: config.BATCH_PLAN_MS_MAX,
  };
  const bounds = {
    recordsMax: config.BATCH_RECORDS_MAX,
    bytesMax: config.BATCH_BYTES_MAX,
    dependencyBackoffMsMax: config.DEPENDENCY_BACKOFF_MS_MAX,
  };
  return runMembership(client, {
    ...membershipBounds(config),
    groupId: flow.groupId,
    topics: [flow.from.name],
    lane: (assignment) =>
      runLane(flow, assignment, delivery, target, bounds, options.observers?.lane),
  }, signal);
}

function runProjector(
  { config, database, client }: Runtime,
  options: WorkerOptions,
  signal: AbortSignal,
): Promise<void> {
  const projection = viewsOf(config);
  const deps: ProjectorDeps<ViewFact> = {
    sql: database.sql,
    projection,
    dedupe: "position",
    bounds: { recordsMax: config.BATCH_RECORDS_MAX, bytesMax: config.BATCH_BYTES_MAX },
    backoff: { firstMs: 100, waitMsMax: config.DEPENDENCY_BACKOFF_MS_MAX },
    ...options.observers?.projector,
  };
  return runMembership(client, {
    ...membershipBounds(config),
    groupId: projectorGroup,
    topics: projection.topics,
    lane: (assignment) => projectPartition(assignment, deps),
  }, signal);
}

function membershipBounds(
  config: Config,
): Pick<MembershipOptions, "sessionTimeoutMs" | "bufferBytesMax" | "fetch"> {
  return {
    sessionTimeoutMs: config.SESSION_TIMEOUT_MS,
    bufferBytesMax: 2 * config.BATCH_BYTES_MAX,
    fetch: fetcherDefaults,
  };
}

function deliveryOf(
  guarantee: Guarantee,
  { client, config }: Runtime,
  transactions: Transactions,
): Delivery {
  const openProducer = () => openPlainProducer(client, { batchBytesMax: config.REQUEST_BYTES_MAX });
  switch (guarantee) {
    case "exactly-once":
      return exactlyOnce(transactions);
    case "at-least-once":
      return atLeastOnce(openProducer);
    case "at-most-once":
      return atMostOnce(openProducer);
    default:
      return guarantee satisfies never;
  }
}

function countOf(partitions: ReadonlyMap<string, number>, topic: string): number {
  const count = partitions.get(topic);
  if (count === undefined) throw new Error(`topic ${topic} was not looked up at the start`);
  return count;
}
