/** The parts of postgres.js that are used of a connection which is not ours, in whatever version its owner has. Holds no code. */

/** What a statement may be given. */
export type PostgresParameter = string | Uint8Array | number | boolean | null;

/** Runs statements: a pool of postgres.js, or one of its transactions. */
export interface PostgresQueries {
  /** Runs the text and answers its rows. */
  unsafe(
    query: string,
    parameters?: PostgresParameter[],
    options?: { prepare?: boolean },
  ): PromiseLike<ArrayLike<Record<string, unknown>> & Iterable<Record<string, unknown>>>;
}

/** A pool of postgres.js: `postgres("postgres://...")`. */
export interface PostgresPool extends PostgresQueries {
  /** Runs the work in a transaction. */
  begin(work: (tx: PostgresQueries) => Promise<unknown>): Promise<unknown>;
}

/** A transaction of postgres.js: what `sql.begin` hands to its callback. A pool is none, and is refused by its type. */
export interface PostgresTransaction extends PostgresQueries {
  /** Only a transaction has it. */
  readonly savepoint: unknown;
}
