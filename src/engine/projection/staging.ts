/** The place beside the live tables that a rebuild folds into. It never touches the live tables. */
import { HaltError } from "../core/errors.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { RefusedError } from "../core/refused_error.ts";
import type { Queryable, Sql, Tx } from "../postgres/sql.ts";
import {
  type Projection,
  type ProjectionEvent,
  type ProjectionTable,
  quoteName,
  tablesIn,
} from "./define_projection.ts";
import { describeTablesInTransaction, type TablePiece } from "./describe_tables.ts";
import type { Dedupe, FoldTarget } from "./fold_target.ts";
import type { LogSource } from "./log_source.ts";
import { missingHistory } from "./missing_history.ts";

/** Another rebuild of the same projection was started and has taken the place away. */
export class RebuildReplacedError extends RefusedError {
  /** Its name: `RebuildReplacedError`. */
  override name = "RebuildReplacedError";
}

/** What the rebuild that lost its place says. */
export function replacedError(name: string): RebuildReplacedError {
  return new RebuildReplacedError(
    `Cannot go on rebuilding ${name}: another rebuild of it was started and has taken over; wait for that one`,
  );
}

/** A rebuild's own schema and positions. */
export interface Staging<Event extends ProjectionEvent> {
  readonly id: string;
  readonly schema: string;
  readonly target: FoldTarget<Event>;
  /** What the tables are made of, before anything was added to them; of old tables, all that they have. */
  readonly fresh: readonly TablePiece[];
  /** Old tables that are put back; undefined where a rebuild has made new ones. */
  readonly old?: {
    /** Identities of those pieces that the projection's own statements made; undefined where nobody noted them. */
    readonly own: ReadonlySet<string> | undefined;
    /** They do not fold first what came since they were live. */
    readonly isBehind: boolean;
  };
}

/**
 * Makes a schema with empty tables, named as the live ones are: a schema and no suffix, because indexes and constraints
 * then keep their names when the tables move. What an earlier rebuild left behind is dropped; one that still runs
 * finds its positions gone and stops, so that the last one started wins.
 */
export async function openStaging<Event extends ProjectionEvent>(
  sql: Sql,
  projection: Projection<Event>,
  dedupe: Dedupe,
): Promise<Staging<Event>> {
  const id = crypto.randomUUID().slice(0, 8);
  const schema = `${projection.name}_rebuild_${id}`;
  const fresh = await sql.begin(async (tx) => {
    await tx`select set_config('statement_timeout', '0', true)`;
    await oneAtATimeInTransaction(tx, projection.name);
    await dropStagingInTransaction(tx, projection.name);
    return await makeTablesInTransaction(tx, schema, projection.tables);
  });
  const label = `${projection.name}@${id}`;
  return { id, schema, fresh, target: { projection, label, table: tablesIn(schema), dedupe } };
}

/** Two rebuilds that clear each other away at once would find schemas gone while they drop them. */
export async function oneAtATimeInTransaction(tx: Tx, name: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`rebuild:${name}`}, 0))`;
}

/** Whether the place is still there: another rebuild may have taken it away. */
export async function isThere(
  sql: Queryable,
  { schema }: Pick<Staging<ProjectionEvent>, "schema">,
) {
  const rows = await sql`select from pg_namespace where nspname = ${schema}`;
  return rows.length === 1;
}

/** Makes empty tables in a new schema, and says what they are made of. */
export async function makeTablesInTransaction(
  tx: Tx,
  schema: string,
  tables: readonly ProjectionTable[],
): Promise<readonly TablePiece[]> {
  await tx`create schema ${tx(schema)}`;
  for (const table of tables) await tx.unsafe(table.ddl(quoteName(`${schema}.${table.name}`)));
  return await describeTablesInTransaction(tx, tables.map(({ name }) => ({ schema, name })));
}

/**
 * Forgets one unfinished rebuild of this projection, or all of them: positions first, as the folding transactions lock
 * them first.
 */
export async function dropStagingInTransaction(tx: Tx, name: string, id?: string): Promise<void> {
  const dropped = await tx`
    delete from projection_positions where starts_with(projection, ${`${name}@${id ?? ""}`})
    returning projection
  `;
  // By equality, which its index can find: this table may be as long as the log.
  for (const label of new Set(dropped.map((row) => String(row.projection)))) {
    await tx`delete from processed_events where projection = ${label}`;
  }
  const schemas = await tx`
    select nspname from pg_namespace
    where nspname ~ ${`^${name}_rebuild_${id ?? "[0-9a-f]{8}"}$`}
  `;
  for (const { nspname } of schemas) await tx`drop schema ${tx(String(nspname))} cascade`;
}

/** A partition of a rebuild, with the offset that it is folded up to. */
export interface StagedPartition extends TopicPartition {
  readonly start: number;
  position: number;
}

/**
 * Adds the partitions that the topics have now and the rebuild does not know yet, from the start of their log. May be
 * called again when its answer was lost.
 *
 * @throws {HaltError} when a log does not hold what the live tables have folded of it and `allowMissingHistory` is not
 * set: the rebuilt tables would lack it
 */
export async function addPartitions<Event extends ProjectionEvent>(
  sql: Sql,
  staging: Staging<Event>,
  source: LogSource,
  known: readonly StagedPartition[],
  allowMissingHistory: boolean,
): Promise<StagedPartition[]> {
  const { projection } = staging.target;
  const added: (StagedPartition & { readonly topicId: string | undefined })[] = [];
  for (const topic of projection.topics) {
    const topicId = await source.topicId?.(topic);
    for (const partition of await source.partitions(topic)) {
      if (known.some((one) => one.topic === topic && one.partition === partition)) continue;
      const place = { topic, partition };
      const range = await source.range(place);
      const { start } = range;
      const missing = allowMissingHistory
        ? undefined
        : await missingHistory(sql, source, projection.name, place, range, topicId);
      if (missing !== undefined) {
        throw new HaltError(
          `Cannot rebuild ${projection.name}: ${
            formatPartition(place)
          } ${missing}, and the rebuilt ` +
            `tables would lack what the live ones hold of it; pass --allow-missing-history if that is ` +
            `what you want`,
        );
      }
      added.push({ topic, partition, start, position: start, topicId });
    }
  }
  await notePartitions(sql, staging, added);
  const staged = added.map(({ topicId: _, ...partition }): StagedPartition => partition);
  return [...known, ...staged];
}

async function notePartitions(
  sql: Sql,
  { schema, target: { projection, label } }: Staging<ProjectionEvent>,
  partitions: readonly (StagedPartition & { readonly topicId: string | undefined })[],
): Promise<void> {
  await sql.begin(async (tx) => {
    // Positions without a place would be those of nobody: whoever clears the place away does so before this, or after it.
    await tx`select pg_advisory_xact_lock_shared(hashtextextended(${`rebuild:${projection.name}`}, 0))`;
    if (!await isThere(tx, { schema })) throw replacedError(projection.name);
    for (const { topic, partition, start, topicId } of partitions) {
      await tx`
        insert into projection_positions (
          projection, topic, partition, next_offset, version, topic_id
        ) values (
          ${label}, ${topic}, ${partition}, ${start}, ${projection.version}, ${topicId ?? null}
        )
        on conflict do nothing
      `;
    }
  });
}
