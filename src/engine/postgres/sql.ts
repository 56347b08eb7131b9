/** The types of a database handle and of a transaction, for rooms that never import the driver. Holds no code. */
import type { postgres } from "./driver_package.ts";

/** The types that this room teaches the driver: `int8` is a number here, refused beyond 2^53. */
export type SqlTypes = { int8: number | bigint };

/** The settings of a pool, as the driver takes them. */
export type PoolOptions = postgres.Options<{ int8: postgres.PostgresType<SqlTypes["int8"]> }>;

/** A pool of connections: a statement is a template literal, and runs in a transaction of its own. */
export type Sql = postgres.Sql<SqlTypes>;

/** An open transaction. Functions that join one take it first and say so in their name. */
export type Tx = postgres.TransactionSql<SqlTypes>;

/** A piece of a statement, written down and not sent. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** Either of the two, for a read that does not care. */
export type Queryable = postgres.ISql<SqlTypes>;
