/** The metrics of one process, in a registry of their own: nothing global, nothing read from the system's files. */
import { Counter, Gauge, Histogram, Registry } from "../packages/prom_client.ts";
import { processMetrics } from "./process_metrics.ts";
import { doneWithin } from "../core/delay.ts";

/** Every metric of onceflow, ready to be counted up. Units are in the names. */
export interface Metrics {
  /** `outcome`: `processed` or `dead_lettered`. */
  readonly records: Counter<"flow" | "outcome">;
  readonly outputs: Counter<"flow">;
  /** `outcome`: `committed`, `aborted`, `fenced`, `unknown` (resolved later as one of the first two), `rejected`, ... */
  readonly transactions: Counter<"flow" | "outcome">;
  readonly deadLetters: Counter<"flow" | "class">;
  readonly lagRecords: Gauge<"group" | "topic" | "partition">;
  readonly stableOffsetAgeSeconds: Gauge<"topic" | "partition">;
  readonly outboxOldestSeconds: Gauge<"shard">;
  /** Counted up to a bound, which then means "that many or more". */
  readonly outboxBacklogRows: Gauge<"shard">;
  readonly transactionSeconds: Histogram<"flow">;
  /** `stage`: the flow whose transaction was committed, or `view` for the read model. */
  readonly endToEndSeconds: Histogram<"stage" | "topic">;
  /** Commits whose answer was lost; `resolved`: `committed` or `aborted`, as the committed offset told. */
  readonly unknownOutcomes: Counter<"role" | "resolved">;
  /** Transactions that Kafka had forgotten in a partition, by how they were ended there: `commit` or `abort`. */
  readonly forgottenTransactions: Counter<"outcome">;
  readonly retries: Counter<"flow">;
  readonly relayRows: Counter<"shard">;
  readonly relayLagSeconds: Histogram<"shard">;
  readonly relayPosition: Gauge<"shard">;
  readonly relayLeader: Gauge<"shard">;
  readonly relayWaits: Counter<"shard">;
  readonly horizonAgeSeconds: Gauge;
  /** One series for whoever holds the horizon, none where nobody does. */
  readonly horizonHolder: Gauge<"pid" | "name" | "state" | "database">;
  readonly rebalances: Counter<"group">;
  readonly assignedPartitions: Gauge<"group">;
  readonly checkOk: Gauge<"check">;
  readonly buildInfo: Gauge<"version">;
  readonly dependencyUp: Gauge<"role" | "dependency">;
  /** `outcome`: `applied`, `skipped` (not an event of this projection) or `repeated` (known already). */
  readonly projectionEvents: Counter<"topic" | "outcome">;
  readonly projectionPosition: Gauge<"topic" | "partition">;
  readonly projectionMoves: Counter<"topic">;
  readonly httpRequests: Counter<"method" | "route" | "status">;
  readonly httpSeconds: Histogram<"method" | "route">;
  /** Runs before each scrape, all of them at once, each within a second; one that fails is counted, not thrown. */
  onScrape(read: () => Promise<void>): void;
  /** The text of all metrics in Prometheus' format. */
  expose(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/** From a millisecond to half a minute: what a transaction or a request takes. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** What a backlog takes: up to an hour. */
const lagBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];
const scrapeReadMsMax = 1_000;

/** Makes the metrics of this process. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: `onceflow_${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name: `onceflow_${name}`, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: L[]
  ) => new Histogram({ name: `onceflow_${name}`, help, buckets, labelNames, registers });

  processMetrics(registry);
  const failedReads = counter(
    "scrape_failures_total",
    "Reads for a scrape that failed or were slow",
  );
  const reads: (() => Promise<void>)[] = [];

  return {
    records: counter("records_total", "Records of committed transactions", "flow", "outcome"),
    outputs: counter("outputs_total", "Records written, without dead letters", "flow"),
    transactions: counter(
      "transactions_total",
      "Transactions by outcome: committed, aborted, fenced by a newer owner, unknown when the answer was lost, " +
        "rejected or blocked by the broker (those that were tried again count once more, as committed or aborted, " +
        "once the committed offset has told)",
      "flow",
      "outcome",
    ),
    deadLetters: counter(
      "dead_letters_total",
      "Records that became dead letters, by the class of what was wrong",
      "flow",
      "class",
    ),
    lagRecords: gauge(
      "lag_records",
      "Offsets between a lane's position and the end of its partition, control records among them",
      "group",
      "topic",
      "partition",
    ),
    stableOffsetAgeSeconds: gauge(
      "last_stable_offset_age_seconds",
      "How long the last stable offset has stood behind an open transaction, seconds; 0 where none is open",
      "topic",
      "partition",
    ),
    outboxOldestSeconds: gauge(
      "outbox_oldest_unpublished_seconds",
      "How long the oldest outbox row that is not published has waited, seconds, where this process relays",
      "shard",
    ),
    outboxBacklogRows: gauge(
      "outbox_backlog_rows",
      "Rows of the outbox that are not published, where this process relays; 10,000 stands for that many or more",
      "shard",
    ),
    transactionSeconds: histogram(
      "transaction_seconds",
      "From the first transform of a batch (of the relay: from its first record) to its commit",
      secondsBuckets,
      "flow",
    ),
    endToEndSeconds: histogram(
      "end_to_end_seconds",
      "From when an event happened (its ce_time, else its record's timestamp) to the commit of a flow (stage: its name) " +
        "or of the read model (stage: view); of the first record of each transaction, so that batches tell their slowest",
      lagBuckets,
      "stage",
      "topic",
    ),
    unknownOutcomes: counter(
      "unknown_outcomes_total",
      "Commits whose answer was lost, by what the committed offset told afterwards",
      "role",
      "resolved",
    ),
    forgottenTransactions: counter(
      "forgotten_transactions_total",
      "Partitions in which a transaction was ended that Kafka had forgotten there",
      "outcome",
    ),
    retries: counter("retries_total", "Transforms that failed and are tried again", "flow"),
    relayRows: counter("relay_rows_total", "Outbox rows published on Kafka", "shard"),
    relayLagSeconds: histogram(
      "relay_lag_seconds",
      "Age of the oldest row of a batch when the batch was committed",
      lagBuckets,
      "shard",
    ),
    relayPosition: gauge("relay_position", "Last outbox position published", "shard"),
    relayLeader: gauge("relay_leader", "1 where this process relays the shard", "shard"),
    relayWaits: counter(
      "relay_waits_total",
      "Looks at rows that an older open transaction holds back",
      "shard",
    ),
    horizonAgeSeconds: gauge(
      "outbox_horizon_age_seconds",
      "How long the oldest writing transaction in Postgres has been open, seconds",
    ),
    horizonHolder: gauge(
      "outbox_horizon_holder_info",
      "1 for whoever holds the oldest writing transaction: a backend's pid and application, or a prepared transaction's gid",
      "pid",
      "name",
      "state",
      "database",
    ),
    rebalances: counter(
      "rebalances_total",
      "Times that the group gave out its partitions",
      "group",
    ),
    assignedPartitions: gauge(
      "assigned_partitions",
      "Partitions that this process has of its group",
      "group",
    ),
    checkOk: gauge(
      "check_ok",
      "0 while a condition of /readyz makes this process not ready",
      "check",
    ),
    buildInfo: gauge("build_info", "1, with the version of onceflow", "version"),
    dependencyUp: gauge("dependency_up", "0 while a role waits for it", "role", "dependency"),
    projectionEvents: counter("projection_events_total", "Events folded", "topic", "outcome"),
    projectionPosition: gauge("projection_position", "Next offset to fold", "topic", "partition"),
    projectionMoves: counter(
      "projection_moves_total",
      "Times that another projector or a rebuild had moved the position",
      "topic",
    ),
    httpRequests: counter("http_requests_total", "Requests answered", "method", "route", "status"),
    httpSeconds: histogram(
      "http_request_seconds",
      "From the request's headers to the answer's",
      secondsBuckets,
      "method",
      "route",
    ),
    onScrape: (read) => void reads.push(read),
    async expose() {
      await Promise.all(reads.map(async (read) => {
        if (!await doneWithin(read(), scrapeReadMsMax).catch(() => false)) failedReads.inc();
      }));
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
