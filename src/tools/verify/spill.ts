/** The scratch database of one verification: a local SQLite file that is deleted at the end. It decides nothing. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

// Why a local file and not memory, and not the user's Postgres: a million orders are some four million facts, which is
// more than a Deno heap should hold, and checking must not write into a production database or load it with joins.
// SQLite spills to disk by itself, and the checks become anti-joins that a reader can follow.

/** A value that SQLite stores; booleans go in as 0 and 1. */
export type SpillValue = SQLInputValue | boolean;

/** Rows as SQLite gives them back. */
export type SpillRow = Readonly<Record<string, string | number | bigint | null | Uint8Array>>;

/** The scratch database. */
export interface Spill extends Disposable {
  /** A statement that inserts one row, prepared once. */
  inserter(sql: string): (...values: SpillValue[]) => void;
  run(sql: string, ...values: SpillValue[]): void;
  rows(sql: string, ...values: SpillValue[]): SpillRow[];
  /** Row by row, for what may be large. */
  each(sql: string, ...values: SpillValue[]): Iterable<SpillRow>;
  /** The first column of the first row as a number. */
  count(sql: string, ...values: SpillValue[]): number;
}

const cacheKiB = 32 * 1024;

/** Opens an empty scratch database in a file of its own under `directory`. */
export function openSpill(directory: string): Spill {
  Deno.mkdirSync(directory, { recursive: true });
  const path = Deno.makeTempFileSync({ dir: directory, prefix: "spill-", suffix: ".sqlite" });
  const database = new DatabaseSync(path);
  // Nothing here is worth a sync: after a crash the file is garbage. Temporary b-trees go to disk, not to memory.
  database.exec(
    `pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
     pragma cache_size = -${cacheKiB}; pragma temp_store = file; pragma analysis_limit = 400;`,
  );
  database.exec(schema);
  database.exec("begin");
  const prepared = new Map<string, StatementSync>();
  const prepare = (sql: string) => {
    const known = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  const spill: Spill = {
    inserter(sql) {
      const statement = prepare(sql);
      return (...values) => void statement.run(...values.map(storable));
    },
    run: (sql, ...values) => void prepare(sql).run(...values.map(storable)),
    rows: (sql, ...values) => prepare(sql).all(...values.map(storable)) as SpillRow[],
    each: (sql, ...values) => prepare(sql).iterate(...values.map(storable)) as Iterable<SpillRow>,
    count: (sql, ...values) => {
      const row = prepare(sql).get(...values.map(storable));
      return Number(row === undefined ? 0 : Object.values(row)[0]);
    },
    [Symbol.dispose]() {
      database.close();
      Deno.removeSync(path);
    },
  };
  return spill;
}

function storable(value: SpillValue): SQLInputValue {
  return typeof value === "boolean" ? Number(value) : value;
}

/**
 * `state` is the fate that the independent reader found: committed, aborted, pending (above the last stable offset) or
 * contradicted (the two reads disagree). Amounts are canonical decimal text, times are milliseconds since the epoch.
 *
 * - `published`: records of the orders topic. `relayed` ones carry the relay's `event_id` header; the others were put on
 *   the topic by somebody else and are called foreign. `event` is the header's id, or the payload's.
 *   `well_formed` ones are orders by the program's own definition, and `problem` says why the others are not; what they
 *   say (`order_id` to `occurred_at`) is noted of both.
 *   `for_other` ones were put back for another flow on the topic.
 * - `invoiced`, `dead`: records of the outcome topics.
 * - `erased`: orders whose customer was taken off their rows, and what stands there. `late` as below.
 * - `expected`: what Postgres says was to be published: the order's row, its outbox row while retention keeps it. `late`
 *   ones were not in the first snapshot and were looked up because the log shows them.
 */
const schema = `
create table published (
  partition int, offset int, state text, timestamp int, key text, event text, relayed int, redriven_from text,
  redriven_partition int, redriven_offset int,
  well_formed int, problem text, order_id text, user_id text, amount text, currency text, occurred_at int,
  value_digest text, digest text, for_other int, primary key (partition, offset)
) without rowid;
create table invoiced (
  partition int, offset int, state text, timestamp int, key text, cause text, well_formed int, event text,
  order_id text, invoice_id text, user_id text, currency text, net text, tax text, gross text, tax_rate text,
  adds_up int, occurred_at int, primary key (partition, offset)
) without rowid;
create table dead (
  partition int, offset int, state text, timestamp int, key text, event text, well_formed int, order_id text,
  from_partition int, from_offset int, digest text, value_digest text, has_key int, error text, error_class text, attempts text,
  primary key (partition, offset)
) without rowid;
create table expected (
  event text primary key, key text, has_row int, order_id text, user_id text, amount text, currency text,
  placed_at int, has_outbox int, shard int, position int, value_digest text, late int
) without rowid;
create table viewed (
  order_id text primary key, user_id text, amount text, currency text, placed_at int, placed_count int, status text,
  invoice_id text, net text, tax text, gross text, tax_rate text, invoiced_at int, invoices_count int,
  dead_letter_reason text, dead_letter_class text, dead_lettered_at int
) without rowid;
create table totalled (
  user_id text, currency text, orders_count int, invoices_count int, amount_total text, invoiced_total text,
  primary key (user_id, currency)
) without rowid;
create table erased (order_id text primary key, pseudonym text, late int) without rowid;
create table projected (topic text, partition int, next_offset int, primary key (topic, partition)) without rowid;
create table log_end (
  topic text, partition int, start int, stable int, high int, floor_ms int, primary key (topic, partition)
) without rowid;
create table open_transaction (
  topic text, partition int, producer_id int, epoch int, transactional_id text, start_offset int, last_timestamp int
);
create table consumed (
  partition int primary key, first int, last int
) without rowid;
create table relayed_up_to (
  shard int primary key, first int, last int
) without rowid;
create table buried_range (from_partition int, first int, last int, state text);
create table withheld (shard int, after int, key text);
create table outbox_end (taken int);
create table role (place int primary key, topic text) without rowid;
create table held_offset (
  group_id text, topic text, partition int, offset int, primary key (group_id, topic, partition)
) without rowid;
create table redriven_up_to (partition int primary key, first int, last int) without rowid;
create table hindrance (topic text, partition int, producer_id int, transactional_id text, reason text);
`;

/** Indexes are made once everything is loaded: building them row by row would cost several times as much. */
export const spillIndexes = [
  "create index published_by_event on published (event, state)",
  "create index published_by_key on published (key)",
  "create index published_by_order on published (order_id)",
  `create index published_by_redrive on published (redriven_partition, redriven_offset)
     where redriven_from is not null`,
  "create index invoiced_by_cause on invoiced (cause, state)",
  "create index invoiced_by_key on invoiced (key)",
  "create index invoiced_by_order on invoiced (order_id)",
  "create index dead_by_origin on dead (from_partition, from_offset, state)",
  "create index dead_by_order on dead (order_id)",
  "create index expected_by_order on expected (order_id)",
  "analyze",
];
