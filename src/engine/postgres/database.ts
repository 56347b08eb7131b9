/** Opens the pool of Postgres connections and closes it. Owns the driver's settings; never a statement of a room. */
import type { postgres } from "./driver_package.ts";
import { type Address, readAddress } from "./address.ts";
import { openPool } from "./driver.ts";
import { safeBegin } from "./safe_begin.ts";
import { redact } from "./translate_error.ts";
import { searchPath } from "./schema_name.ts";
import { pinnedSettings } from "./session_settings.ts";
import type { PoolOptions, Queryable, Sql, SqlTypes, Tx } from "./sql.ts";

export type { Queryable, Sql, Tx };

/** A pool of connections, closed by `await using`. */
export interface Database extends AsyncDisposable {
  readonly sql: Sql;
  /** Ends the pool: statements in flight get `timeoutMs` to finish. Idempotent. */
  close(timeoutMs?: number): Promise<void>;
}

/** The limits of a pool. */
export interface DatabaseOptions {
  readonly connectionsMax: number;
  /** The only schema that its statements see; what the address or the user's `search_path` says where absent. */
  readonly schema?: string;
  /** Shown in `pg_stat_activity`, so that `explain` can say whose transaction is open. */
  readonly applicationName: string;
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  /** A process that hangs inside a transaction would hold the outbox's horizon; the server ends it after this. */
  readonly idleInTransactionTimeoutMs?: number;
}

/**
 * Opens a pool on a `postgres://` address. Nothing is connected until the first statement.
 *
 * Types: `int8` is a number (a value beyond 2^53 is an error, never rounded), `numeric` and `xid8` are text,
 * `timestamptz` a Date, `bytea` a Uint8Array.
 *
 * `sql.begin` is guarded here against a defect of the driver ({@linkcode safeBegin}); `sql.reserve` is not: leave it.
 *
 * @throws {TypeError} when the address cannot be read; its password is not in the message
 */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  const address = readAddress(url);
  const sql: Sql = openPool(address.url, driverOptions(address, options));
  const begin = sql.begin;
  Object.assign(sql, {
    begin: <T>(...given: [(tx: Tx) => T] | [string, (tx: Tx) => T]) => {
      const [mode, work] = given.length === 1 ? ["", given[0]] as const : given;
      return safeBegin(begin, work, mode);
    },
  });
  let closing: Promise<void> | undefined;
  const close = (timeoutMs = 2_000) =>
    closing ??= sql.end({ timeout: timeoutMs / 1000 }).then(timersOfTheClosingEnd);
  return { sql, close, [Symbol.asyncDispose]: () => close() };
}

/** The names of the settings that every connection is opened with. */
export const sentSettings: readonly string[] = [
  ...["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"],
  ...Object.keys(pinnedSettings),
];

/** The same address without its password, for logs and errors. */
export function redactUrl(url: string): string {
  return redact(url);
}

function driverOptions(address: Address, options: DatabaseOptions): PoolOptions {
  const { server, driver } = address;
  return {
    max: options.connectionsMax,
    connect_timeout: (options.connectTimeoutMs ?? 5_000) / 1000,
    ...driver,
    // The driver's own backoff grows to 20 s: everything would stand still long after Postgres is back.
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 0.5) * (0.5 + Math.random() / 2),
    connection: {
      application_name: options.applicationName,
      // As text: the driver leaves out a setting that is 0, and then the role's own one would count.
      ...startSettings({
        statement_timeout: options.statementTimeoutMs ?? 30_000,
        lock_timeout: options.lockTimeoutMs ?? 10_000,
        idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 60_000,
      }),
      ...server,
      ...(options.schema !== undefined && { search_path: searchPath(options.schema) }),
      ...pinnedSettings,
    },
    types: { int8 },
    onnotice: () => {},
  };
}

function startSettings(limits: Record<string, number>): Record<string, string> {
  return Object.fromEntries(Object.entries(limits).map(([name, ms]) => [name, String(ms)]));
}

/** int8 as a number: counts, positions and offsets, which stay far below 2^53. */
const int8: postgres.PostgresType<SqlTypes["int8"]> = {
  to: 20,
  from: [20],
  serialize: (value) => value.toString(),
  parse: (text: string) => {
    const value = Number(text);
    if (Number.isSafeInteger(value)) return value;
    throw new RangeError(`int8 ${text} is beyond what a number holds exactly: select it as text`);
  },
};

/** One turn of the event loop, for the timers that the closing of the last connection started. */
function timersOfTheClosingEnd(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
