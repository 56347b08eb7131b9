/** Runs work in one transaction and translates how it failed. Never retries: only the caller knows what is safe. */
import type { Sql, Tx } from "./sql.ts";
import { translateError } from "./translate_error.ts";

/**
 * Commits what `work` did, or rolls it back when `work` throws; that error comes through.
 *
 * @throws {DependencyDownError} when the connection was refused or lost; lost during the commit, the outcome is unknown
 * @throws {TransientError} when the transaction lost against another one and may be run again as a whole
 */
export async function withTransaction<T>(sql: Sql, work: (tx: Tx) => Promise<T>): Promise<T> {
  let value: { readonly of: T } | undefined;
  try {
    await sql.begin(async (tx) => {
      value = { of: await work(tx) };
    });
  } catch (error) {
    throw translateError(error);
  }
  if (value === undefined) {
    throw new Error("Postgres committed a transaction whose work never ended");
  }
  return value.of;
}
