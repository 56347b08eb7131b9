/** Asks whether the database would take an order now. It writes no row and keeps no transaction open. */
import { DependencyDownError } from "../core/errors.ts";
import type { Queryable, Sql } from "./sql.ts";
import { codeOf } from "./translate_error.ts";

/** More than `work_mem` below holds, so that Postgres has to put some 200 kB on its disk. */
const spilledRows = 8_000;

/**
 * Undefined when Postgres answers and takes writes; otherwise why not, without the names of hosts.
 *
 * A standby and a primary that was demoted answer every question, and so does a server whose disk is full. So it is asked
 * for what a transaction may do here, and made to write a temporary file: that needs no row, no xid and no right, and
 * fails as an order would.
 */
export async function whyNoWrites(sql: Sql): Promise<string | undefined> {
  let reason: string | undefined;
  try {
    return await sql.begin(async (tx) => {
      const [row] = await tx<{ readOnly: string; standby: boolean; source: string }[]>`
        select current_setting('transaction_read_only') as "readOnly", pg_is_in_recovery() as standby,
          (select source from pg_settings where name = 'default_transaction_read_only') as source,
          set_config('work_mem', '64kB', true)
      `;
      if (row?.standby) {
        reason = "Postgres is a standby and takes no writes: DATABASE_URL must name the primary";
      } else if (row?.readOnly === "on") {
        reason =
          `Postgres takes no writes, since default_transaction_read_only is on (its source: ${row.source}): ` +
          "reset it there (alter role, alter database or the server's configuration); a server that was " +
          "demoted has it too: then DATABASE_URL must name the primary";
      }
      if (reason !== undefined) {
        // Refused (25006), and so the session is thrown away: a new one may take writes, this one never will.
        await tx`drop table if exists pg_temp.onceflow_takes_writes`;
        return reason;
      }
      await tx`select count(*) from generate_series(1, ${spilledRows}::int)`;
    });
  } catch (error) {
    if (reason !== undefined) return reason;
    // The cause names hosts, and this is shown to whoever asks for readiness; the roles log it.
    switch (codeOf(error instanceof Error && error.cause instanceof Error ? error.cause : error)) {
      case "53100": // disk_full
        return "Postgres' disk is full";
      case "53400": // configuration_limit_exceeded: temp_file_limit, which no order meets
        return undefined;
      default:
        return "Postgres does not answer";
    }
  }
}

/** An expression of SQL: whether this server takes writes of this session. */
export function takesWrites(sql: Queryable) {
  return sql`not pg_is_in_recovery() and current_setting('transaction_read_only') = 'off'`;
}

/** What to throw where it does not. */
export function takesNoWrites(): DependencyDownError {
  return new DependencyDownError(
    "postgres",
    "Postgres takes no writes here (a standby, a primary that was demoted, or default_transaction_read_only is on): " +
      "DATABASE_URL must name the primary",
  );
}
