/** Reads over whole tables, bounded in time. It writes nothing and holds nothing back. */
import type { Sql, Tx } from "../../engine/postgres/database.ts";
import { withTransaction } from "../../engine/postgres/with_transaction.ts";

/** The longest that one statement of {@linkcode boundedRead} may run, milliseconds. */
export const statementMsMax = 5_000;

/**
 * Runs `work` on one snapshot. A read-only transaction has no xid, so the relay's barrier does not wait for it.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 * @throws {TransientError} when a statement takes longer than five seconds
 */
export function boundedRead<T>(sql: Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  return withTransaction(sql, async (tx) => {
    await tx`set transaction isolation level repeatable read, read only`;
    await tx`select set_config('statement_timeout', ${String(statementMsMax)}, true)`;
    return await work(tx);
  });
}
