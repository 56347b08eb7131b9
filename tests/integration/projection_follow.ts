/** Runs projectors over a log in memory until they have folded it, for tests of the read model. */
import type { Sql } from "../../src/engine/postgres/sql.ts";
import type { Projection, ProjectionEvent } from "../../src/engine/projection/define_projection.ts";
import type { Dedupe } from "../../src/engine/projection/fold_target.ts";
import type { LogSource } from "../../src/engine/projection/log_source.ts";
import {
  type ProjectorDeps,
  projectPartition,
} from "../../src/engine/projection/project_partition.ts";

export interface FollowOptions<Event extends ProjectionEvent> {
  readonly sql: Sql;
  readonly projection: Projection<Event>;
  readonly log: LogSource;
  readonly dedupe?: Dedupe;
  /** The records in a run; several make as many competing projectors of every partition. */
  readonly recordsMax?: number | readonly number[];
  readonly more?: Partial<ProjectorDeps<Event>>;
}

/** One projector for each partition of each topic; resolves when every partition is folded and they have stopped. */
export async function followToEnd<Event extends ProjectionEvent>(
  options: FollowOptions<Event>,
): Promise<void> {
  const { log, projection } = options;
  const behind = new Set<string>();
  for (const topic of projection.topics) {
    for (const partition of await log.partitions(topic)) {
      const { end } = await log.range({ topic, partition });
      if (await positionOf(options.sql, projection.name, topic, partition) < end) {
        behind.add(`${topic}-${partition}`);
      }
    }
  }
  if (behind.size === 0) return;
  const stop = new AbortController();
  await follow(options, stop, (topic, partition, nextOffset, end) => {
    if (nextOffset >= end) behind.delete(`${topic}-${partition}`);
    if (behind.size === 0) stop.abort();
  });
}

/** The same without an end: until `stop` is aborted. */
export async function follow<Event extends ProjectionEvent>(
  options: FollowOptions<Event>,
  stop: AbortController,
  onFolded: (topic: string, partition: number, nextOffset: number, end: number) => void = () => {},
): Promise<void> {
  const { sql, projection, log } = options;
  const projectors: Promise<void>[] = [];
  for (const { topic, partition, recordsMax } of await projectorsOf(options)) {
    const reader = await log.openReader({ topic, partition }, 0);
    const projector = projectPartition({ reader, signal: stop.signal }, {
      sql,
      projection,
      dedupe: options.dedupe ?? "position",
      bounds: { recordsMax, bytesMax: 1_000_000 },
      backoff: { firstMs: 5, waitMsMax: 50 },
      ...options.more,
      onApplied(applied) {
        options.more?.onApplied?.(applied);
        log.range(applied).then(({ end }) => onFolded(topic, partition, applied.nextOffset, end));
      },
    });
    projectors.push(projector.finally(() => stop.abort()));
  }
  await Promise.allSettled(projectors);
  await Promise.all(projectors);
}

async function projectorsOf<Event extends ProjectionEvent>(options: FollowOptions<Event>) {
  const { projection, log, recordsMax = 100 } = options;
  const all = [];
  for (const topic of projection.topics) {
    for (const partition of await log.partitions(topic)) {
      for (const max of typeof recordsMax === "number" ? [recordsMax] : recordsMax) {
        all.push({ topic, partition, recordsMax: max });
      }
    }
  }
  return all;
}

export async function positionOf(
  sql: Sql,
  projection: string,
  topic: string,
  partition: number,
): Promise<number> {
  const [row] = await sql`
    select next_offset from projection_positions
    where projection = ${projection} and topic = ${topic} and partition = ${partition}
  `;
  return Number(row?.next_offset ?? 0);
}
