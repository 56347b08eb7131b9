/** Reads what the page shows, at a pace that costs little however many people watch. It changes nothing anywhere. */
import type { Sql } from "../../engine/postgres/database.ts";
import { checkCut } from "./check_cut.ts";
import type {
  Conservation,
  DashboardData,
  DashboardGuarantee,
  Known,
  OrderTrail,
} from "./dashboard_data.ts";
import { createDeadLetterTally, type OpenReader } from "./dead_letter_tally.ts";
import { findTrail } from "./find_trail.ts";
import type { KafkaRanges } from "./kafka_ranges.ts";
import { readLatestOrders } from "./latest_orders.ts";
import { type Pace, paced } from "./paced.ts";
import { readCounts, readCustomers } from "./read_counts.ts";
import { readLags } from "./read_lags.ts";
import { readLatency } from "./read_latency.ts";
import { describe, UnknownError, valueOf } from "./why_unknown.ts";
import { type GroupSeen, workersOf } from "./workers_of.ts";

/** What reading needs. */
export interface DashboardReaderDeps {
  readonly sql: Sql;
  /** How far everybody has come on Kafka: `readKafkaRanges` over the client at hand. */
  readonly kafkaRanges: () => Promise<KafkaRanges>;
  /** Reads the dead letters' topic; without it they are not counted by class. */
  readonly openReader?: OpenReader;
  /** The flow's consumer group; without it nobody says who has which partitions. */
  readonly group?: () => Promise<GroupSeen>;
  readonly guarantee: DashboardGuarantee;
  readonly topics: DashboardData["topics"];
  readonly shards: number;
  /** The name of the read model's positions. Default `order_views`. */
  readonly projection?: string;
  /** Paces the reads, milliseconds since the epoch. Default the system's clock. */
  readonly clock?: () => number;
}

/** The page's source of data. Dispose it before what it reads from. */
export interface DashboardReader extends AsyncDisposable {
  /** Never rejects: what cannot be read says why. */
  read(): Promise<DashboardData>;
  /** Where one order is, or undefined where there is none. Throws `DependencyDownError`. */
  find(orderId: string): Promise<OrderTrail | undefined>;
}

/** Cheap reads: index entries, and a handful of requests to the brokers. */
const often: Pace = { everyMsMin: 500, shareMax: 0.25, waitMsMax: 1_500 };
/** A pass over the two largest tables, for the counters that people look at. */
const now: Pace = { everyMsMin: 1_000, shareMax: 0.1, waitMsMax: 250 };
/** Passes that join them, or that nobody waits for. */
const seldom: Pace = { everyMsMin: 2_000, shareMax: 0.05, waitMsMax: 100 };

/** Makes the reader; reads nothing until it is asked. */
export function openDashboardReader(deps: DashboardReaderDeps): DashboardReader {
  const { sql, topics, projection = "order_views", clock } = deps;
  const stop = new AbortController();
  let latestRanges: KafkaRanges | undefined;
  const ranges = paced(
    async () => latestRanges = await deps.kafkaRanges(),
    describe("Kafka does not answer"),
    often,
    clock,
  );
  const tally = deps.openReader && createDeadLetterTally(deps.openReader);

  let cut: KafkaRanges | undefined;
  let checked: Conservation | undefined;
  const conservation = paced(
    async () => {
      if (cut !== undefined) {
        const found = await checkCut(sql, projection, cut);
        // The cut is kept until the read model has come to it, or a busy pipeline would outrun every cut.
        if (found === undefined) return checked;
        checked = found;
      }
      cut = latestRanges;
      return checked;
    },
    describe("The books cannot be checked"),
    seldom,
    clock,
  );
  const counts = paced(
    () => readCounts(sql),
    describe("The tables cannot be counted"),
    now,
    clock,
    ({ costMs }) => costMs,
  );
  const customers = paced(
    () => readCustomers(sql),
    describe("The customers cannot be read"),
    { ...often, everyMsMin: 2_000, waitMsMax: 100 },
    clock,
  );
  const lags = paced(
    async () =>
      readLags(sql, { projection, ordersTopic: topics.orders }, valueOf(await ranges.read())),
    describe("The lags cannot be read"),
    often,
    clock,
  );
  const workers = paced(
    async () => {
      if (!deps.group) throw new UnknownError("The group is not asked for here");
      const known = valueOf(await ranges.read());
      return workersOf(await deps.group(), topics.orders, known);
    },
    describe("The workers cannot be asked for"),
    { ...often, everyMsMin: 1_000, waitMsMax: 250 },
    clock,
  );
  const latency = paced(
    () => readLatency(sql, deps.shards),
    describe("The latency cannot be read"),
    { ...often, everyMsMin: 2_000, waitMsMax: 100 },
    clock,
  );
  const latest = paced(
    () => readLatestOrders(sql, deps.shards),
    describe("The orders cannot be read"),
    often,
    clock,
  );
  const deadLetters = paced(
    async () => {
      if (!tally) throw new UnknownError("The dead-letter topic is not read here");
      const { ends } = valueOf(await ranges.read());
      const ofTopic = ends.filter(({ topic }) => topic === topics.dead_letters);
      return await tally.readTo(ofTopic, stop.signal);
    },
    describe("The dead letters cannot be read"),
    { ...often, waitMsMax: 250 },
    clock,
  );
  const all = [
    ranges,
    counts,
    customers,
    conservation,
    lags,
    workers,
    latency,
    latest,
    deadLetters,
  ];

  return {
    async read() {
      const [found, books, lag, orders, dead, totals, group, times] = await Promise.all([
        counts.read(),
        conservation.read(),
        lags.read(),
        latest.read(),
        deadLetters.read(),
        customers.read(),
        workers.read(),
        latency.read(),
      ]);
      return {
        at: new Date().toISOString(),
        guarantee: deps.guarantee,
        topics,
        counts: found.known ? { ...found, value: found.value.counts } : found,
        lags: lag,
        conservation: asOfCut(books),
        dead_letters: dead,
        latest_orders: orders,
        customers: totals,
        workers: group,
        latency: times,
      };
    },
    async find(orderId) {
      const known = await ranges.read();
      return await findTrail(sql, orderId, known.known ? known.value.relay : undefined);
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new DOMException("The dashboard was closed", "AbortError"));
      await Promise.all(all.map((read) => read.settle()));
    },
  };
}

/** A finding is as old as the offsets that it was held against. */
function asOfCut(books: Known<Conservation | undefined>): Known<Conservation> {
  if (!books.known) return books;
  if (books.value !== undefined) {
    return { known: true, as_of: books.value.cut_at, value: books.value };
  }
  return { known: false, reason: "Not checked yet: the read model has not come to the first cut" };
}
