/** Tells how far a read model is and whether its figures agree. It changes nothing. */
import type { TopicPartition } from "../core/record.ts";
import type { Sql } from "../postgres/sql.ts";
import { liveTables, type Projection, type ProjectionCheck } from "./define_projection.ts";
import type { LogSource } from "./log_source.ts";
import { findOldTables, keptLabel, type OldTables, oldTablesOf } from "./old_tables.ts";

/** One partition of a projection. */
export interface PartitionStatus extends TopicPartition {
  /** The next offset to fold; 0 where nothing was folded yet. */
  readonly position: number;
  /** The log's first offset and its last stable one. */
  readonly start: number;
  /** See `start`. */
  readonly end: number;
  /** Offsets that are not folded yet. Control records count, too: a lag of a few may be no records at all. */
  readonly lag: number;
  /** ISO 8601, UTC; undefined where nothing was folded yet. */
  readonly updatedAt?: string;
}

/** A read model at this moment. */
export interface ProjectionStatus {
  /** Its name. */
  readonly projection: string;
  /** This program's version, */
  readonly version: number;
  /** and the one of the tables; undefined where they are not made yet. */
  readonly installedVersion?: number;
  /** When it was rebuilt last: ISO 8601, UTC. */
  readonly rebuiltAt?: string;
  /** The tables that the last rebuild or rollback has replaced and kept. */
  readonly old?: OldTables;
  /** How far each partition is. */
  readonly partitions: readonly PartitionStatus[];
  /** Of all partitions together. */
  readonly lag: number;
  /** The tables, and how many rows they have. */
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** What the projection's own `checks` found. */
  readonly checks: readonly (ProjectionCheck & { readonly equal: boolean })[];
  /** What is wrong, in words; empty when the read model is sound, however far behind. */
  readonly findings: readonly string[];
}

/** Reads positions, the ends of the logs, row counts and the projection's own checks (whole tables are scanned). */
export async function projectionStatus(deps: {
  readonly sql: Sql;
  readonly projection: Projection;
  readonly source: Pick<LogSource, "partitions" | "range">;
}): Promise<ProjectionStatus> {
  const { sql, projection } = deps;
  const [installed] = await sql`
    select version, rebuilt_at from projections where name = ${projection.name}
  `;
  const partitions = await partitionsOf(deps);
  const counted = installed === undefined ? [] : projection.tables;
  const tables = [];
  for (const { name } of counted) {
    const [row] = await sql`select count(*) as rows from ${sql(liveTables(name))}`;
    tables.push({ name, rows: Number(row?.rows) });
  }
  const sameVersion = Number(installed?.version) === projection.version;
  const found = sameVersion ? await projection.checks?.(sql, liveTables) ?? [] : [];
  const status = {
    projection: projection.name,
    version: projection.version,
    installedVersion: installed === undefined ? undefined : Number(installed.version),
    rebuiltAt: isoTime(installed?.rebuilt_at),
    old: await oldTables(sql, projection.name, partitions),
    partitions,
    lag: partitions.reduce((sum, { lag }) => sum + lag, 0),
    tables,
    checks: found.map((check) => ({ ...check, equal: check.left === check.right })),
  };
  return { ...status, findings: findingsOf(status) };
}

async function oldTables(
  sql: Sql,
  name: string,
  partitions: readonly PartitionStatus[],
): Promise<OldTables | undefined> {
  const kept = await findOldTables(sql, name);
  if (kept === undefined) return undefined;
  const rows = await sql`
    select topic, partition, next_offset from projection_positions
    where projection = ${keptLabel(name, kept.id)}
  `;
  const behind = partitions.reduce((sum, { topic, partition, start, end }) => {
    const row = rows.find((one) => one.topic === topic && Number(one.partition) === partition);
    return sum + Math.max(end - Math.max(Number(row?.next_offset ?? 0), start), 0);
  }, 0);
  return { ...oldTablesOf(kept), behind };
}

async function partitionsOf(
  { sql, projection, source }: Parameters<typeof projectionStatus>[0],
): Promise<PartitionStatus[]> {
  const partitions: PartitionStatus[] = [];
  for (const topic of projection.topics) {
    for (const partition of await source.partitions(topic)) {
      // The end first: a position that is read after it can only be nearer to it, so the lag is never overstated.
      let { start, end } = await source.range({ topic, partition });
      const [row] = await sql`
        select next_offset, updated_at from projection_positions
        where projection = ${projection.name} and topic = ${topic} and partition = ${partition}
      `;
      const position = Number(row?.next_offset ?? 0);
      // Folded on since then, or beyond what the log ever held.
      if (position > end) ({ start, end } = await source.range({ topic, partition }));
      const lag = Math.max(end - Math.max(position, start), 0);
      partitions.push({
        topic,
        partition,
        position,
        start,
        end,
        lag,
        updatedAt: isoTime(row?.updated_at),
      });
    }
  }
  return partitions;
}

function findingsOf(status: Omit<ProjectionStatus, "findings">): string[] {
  const findings: string[] = [];
  const { installedVersion, version, projection } = status;
  if (installedVersion === undefined) {
    findings.push(`the tables of ${projection} are not made yet: start a worker once`);
  } else if (installedVersion !== version) {
    findings.push(
      `the tables hold version ${installedVersion}, this program makes ${version}: ` +
        (installedVersion < version
          ? "run `deno task projection rebuild`"
          : "a newer program has rebuilt them; update this one, or go back with its `deno task projection rebuild`"),
    );
  }
  for (const { topic, partition, position, start, end } of status.partitions) {
    if (position > end) {
      findings.push(
        `${topic}-${partition}: position ${position} is beyond the end ${end}: the log is another one`,
      );
    }
    if (position < start) {
      findings.push(
        `${topic}-${partition}: offsets ${position} to ${start} were deleted before they were folded`,
      );
    }
  }
  for (const check of status.checks) {
    if (!check.equal) findings.push(`${check.name}: ${check.left} is not ${check.right}`);
  }
  return findings;
}

function isoTime(value: unknown): string | undefined {
  return value instanceof Date ? value.toISOString() : undefined;
}
