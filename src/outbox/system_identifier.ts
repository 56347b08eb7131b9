/** Which Postgres this is: a number that initdb made and every physical copy keeps. */
import type { Queryable } from "../postgres/database.ts";
import { translatingErrors } from "../postgres/translate_error.ts";

/**
 * The cluster's system identifier with the database's oid, as `7301...:16384`. Another value under the same cursor is
 * another database; the same value says nothing about a restore, which `rowAt` finds out.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function systemIdentifier(sql: Queryable): Promise<string> {
  const [row] = await translatingErrors(() =>
    sql<{ identifier: string }[]>`
      select system_identifier::text || ':' ||
        (select oid from pg_database where datname = current_database()) as identifier
      from pg_control_system()
    `
  );
  if (row === undefined) throw new Error("pg_control_system returned no row");
  return row.identifier;
}
