/** The settings of a session that change what is read, written or durable. Owns their values; never changes the server's. */
import { HaltError } from "../core/errors.ts";
import type { Queryable } from "./sql.ts";
import { translatingErrors } from "./translate_error.ts";

/**
 * Sent when a connection is opened, where they count for more than what `alter database` and `alter role` have set.
 * Anyone may set each of them, and every supported server knows it.
 */
export const pinnedSettings: Readonly<Record<string, string>> = {
  // What comes back as text, and is read by the driver or by us.
  bytea_output: "hex",
  datestyle: "ISO, MDY",
  intervalstyle: "postgres",
  timezone: "UTC",
  extra_float_digits: "1",
  // What our statements mean.
  standard_conforming_strings: "on",
  backslash_quote: "safe_encoding",
  array_nulls: "on",
  transform_null_equals: "off",
  quote_all_identifiers: "off",
  // The barrier and `for update` need a snapshot for each statement; an answer of 202 needs a flushed commit.
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  synchronous_commit: "on",
  // A session that ends itself.
  exit_on_error: "off",
  idle_session_timeout: "0",
  // The server notices a client that is gone without a word, and frees its locks.
  tcp_keepalives_idle: "15",
  tcp_keepalives_interval: "5",
  tcp_keepalives_count: "3",
};

/** Cannot be sent by everyone, or not to every version: looked at instead. Absent ones are as they should be. */
const neededSettings: Readonly<Record<string, string>> = {
  session_replication_role: "origin",
  transaction_timeout: "0",
  "plpgsql.variable_conflict": "error",
  zero_damaged_pages: "off",
  fsync: "on",
  full_page_writes: "on",
};

/** These are the same for the server although they are written differently, or depend on how one is connected. */
const notCompared = new Set([
  "tcp_keepalives_idle",
  "tcp_keepalives_interval",
  "tcp_keepalives_count",
]);

/** What every character of a record can be stored in: the second takes bytes as they come, and we send UTF-8. */
const encodings = new Set(["UTF8", "SQL_ASCII"]);

/**
 * Refuses to work in a session whose settings are other ones: a pooler that swallows what it is sent, or a setting of the
 * server that would lose what was said to be durable. And in a database whose encoding has not all characters.
 *
 * @throws {HaltError} naming each setting, what it is and what it should be
 */
export async function checkSessionSettings(sql: Queryable): Promise<void> {
  await checkEncoding(sql);
  const expected = { ...pinnedSettings, ...neededSettings };
  const names = Object.keys(expected).filter((name) => !notCompared.has(name));
  const rows = await translatingErrors(() =>
    sql<{ name: string; value: string | null }[]>`
      select name, current_setting(name, true) as value
      from json_array_elements_text(${JSON.stringify(names)}::text::json) as listed (name)
    `
  );
  const wrong = rows.filter(({ name, value }) =>
    value !== null && value.toLowerCase() !== expected[name]?.toLowerCase()
  );
  if (wrong.length === 0) return;
  const listed = wrong.map(({ name, value }) => `${name} is ${value}, needed is ${expected[name]}`);
  throw new HaltError(
    `Cannot work with this Postgres: ${
      listed.join("; ")
    }. Set it for the role or the database (alter role ... set ...), ` +
      `or for the server; where a connection pooler stands between, let DATABASE_URL name Postgres itself`,
  );
}

/** With LATIN1 an order with a name in Greek would be a fault of the service, and a record with one the end of a projector. */
async function checkEncoding(sql: Queryable): Promise<void> {
  const [row] = await translatingErrors(() =>
    sql<{ encoding: string }[]>`select current_setting('server_encoding') as encoding`
  );
  if (row === undefined || encodings.has(row.encoding)) return;
  throw new HaltError(
    `Cannot work with this Postgres: the database has the encoding ${row.encoding}, in which not every character of an ` +
      `order can be stored. Make one with "create database NAME encoding 'UTF8' template template0", bring a dump of ` +
      `this one into it where it holds anything, and let DATABASE_URL name it`,
  );
}
