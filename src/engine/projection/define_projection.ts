/** What a read model is made of. It owns the shape of a projection, and never reads a log or opens a transaction. */
import type { InputRecord } from "../core/record.ts";
import type { ProjectionQueries, ProjectionTransaction } from "./projection_transaction.ts";

/** What a decoder makes of a record: any object. */
export type ProjectionEvent = object & {
  /** A UUID that stays the same however often the event is delivered. Needed, and looked at, under `dedupe: "event_id"` alone. */
  readonly eventId?: string;
};

/**
 * Where a table of the projection is at this moment: the live one, or the one that a rebuild fills beside it. Pass the
 * answer to the driver as an identifier: `` tx`select count(*) from ${tx(table("order_view"))}` ``.
 */
export type TableNames = (table: string) => string;

/** One table, by the name under which readers know it. */
export interface ProjectionTable {
  /** `[a-z][a-z0-9_]*`. */
  readonly name: string;
  /**
   * The statements that make the table, given its quoted name with its schema. Leave indexes and constraints without a
   * name: Postgres then names them after the table, and a rebuilt table ends with the names of the one it replaces.
   * Leave grants and owners to the operator: a rebuild gives the new table those of the live one, and no others.
   */
  ddl(quotedName: string): string;
}

/** Two figures that must be equal, such as orders in one table and the sum of counts in another. */
export interface ProjectionCheck {
  /** What is compared, for a person. */
  readonly name: string;
  /** The one figure, as text, */
  readonly left: string;
  /** and the other. */
  readonly right: string;
}

/** A read model: rows in Postgres that are a fold of the records of some topics. */
export interface Projection<Event extends ProjectionEvent = ProjectionEvent> {
  /** `[a-z][a-z0-9_]*`: it is also the stem of the schema that a rebuild works in. */
  readonly name: string;
  /** Raise it when the tables or the fold change: older programs then stop, and a rebuild brings the new shape. */
  readonly version: number;
  /** What is read. */
  readonly topics: readonly string[];
  /**
   * Those of the topics whose records stand for themselves, such as dead letters. One of them that was deleted and made
   * again is folded from its start, on top of what was folded of the one before, so the fold must bear a record that it
   * has seen. A topic that is not named here needs a rebuild then.
   */
  readonly replaceable?: readonly string[];
  /** In the order in which every transaction touches them, which is what keeps transactions free of deadlocks. */
  readonly tables: readonly ProjectionTable[];
  /** The event in a record; undefined for a record that is none of this projection's business. Never throws. */
  decode(record: InputRecord): Event | undefined;
  /**
   * Folds events into the tables, in the caller's transaction, in as few statements as it can. The events of one call
   * come from one partition, in order. Partitions advance independently, so what is folded from one topic must not
   * depend on how far another topic has been folded; and rows must be written in a fixed order (by key), because
   * several partitions write the same tables at once.
   *
   * It writes these tables and does nothing else: a rebuild folds every event again, and so would do everything again. A
   * rebuild refuses a fold that writes other tables of this database; a mail that is sent nobody takes back.
   */
  apply(tx: ProjectionTransaction, events: readonly Event[], table: TableNames): Promise<void>;
  /** Figures that agree when the tables are sound, for `projection status`. */
  checks?(sql: ProjectionQueries, table: TableNames): Promise<readonly ProjectionCheck[]>;
}

/**
 * A projection whose names are fit to be used in SQL.
 *
 * @throws {TypeError} naming what is wrong with the definition
 */
export function defineProjection<Event extends ProjectionEvent>(
  projection: Projection<Event>,
): Projection<Event> {
  const names = [projection.name, ...projection.tables.map((table) => table.name)];
  const unfit = names.find((name) => !/^[a-z][a-z0-9_]{0,40}$/.test(name));
  if (unfit !== undefined) {
    throw new TypeError(
      `Cannot define a projection with the name "${unfit}": use 1 to 41 lower-case letters, digits and _`,
    );
  }
  if (!Number.isInteger(projection.version) || projection.version < 1) {
    throw new TypeError(
      `Cannot define projection ${projection.name} with version ${projection.version}: use 1, 2, 3 …`,
    );
  }
  const unread = projection.replaceable?.find((topic) => !projection.topics.includes(topic));
  if (unread !== undefined) {
    throw new TypeError(
      `Cannot define projection ${projection.name} with ${unread} as replaceable: it is none of its topics`,
    );
  }
  if (projection.topics.length === 0 || projection.tables.length === 0) {
    throw new TypeError(
      `Cannot define projection ${projection.name}: it needs at least one topic and one table`,
    );
  }
  return projection;
}

/** The tables that readers see. */
export const liveTables: TableNames = (table) => table;

/** The tables of the same names in another schema. */
export function tablesIn(schema: string): TableNames {
  return (table) => `${schema}.${table}`;
}

/** `a.b` as `"a"."b"`, as the driver quotes an identifier. */
export function quoteName(name: string): string {
  return name.split(".").map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}
