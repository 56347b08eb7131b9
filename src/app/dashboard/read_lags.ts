/** Measures how far each stage is behind the one before it. */
import { type Horizon, horizon } from "../../engine/outbox/horizon.ts";
import { readBacklog } from "../../engine/outbox/backlog.ts";
import type { Sql } from "../../engine/postgres/database.ts";
import { translatingErrors } from "../../engine/postgres/translate_error.ts";
import type { Lags } from "./dashboard_data.ts";
import { type Position, recordsBehind } from "./has_reached.ts";
import type { KafkaRanges } from "./kafka_ranges.ts";

const waitingMax = 10_000;

/**
 * The lags at this moment, against ranges that were read a moment ago; a bounded number of index entries is read.
 *
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function readLags(
  sql: Sql,
  names: { readonly projection: string; readonly ordersTopic: string },
  { relay, worker, ends }: KafkaRanges,
): Promise<Lags> {
  const [backlogs, oldestWriter, positions] = await Promise.all([
    Promise.all(
      relay.map(({ shard, next }) =>
        readBacklog(sql, { shard, after: next - 1, countMax: waitingMax })
      ),
    ),
    horizon(sql),
    translatingErrors(() =>
      sql<Position[]>`
        select topic, partition, next_offset as next from projection_positions
        where projection = ${names.projection}
      `
    ),
  ]);
  const committed = worker.map(({ partition, next }) => ({
    topic: names.ordersTopic,
    partition,
    next,
  }));
  return {
    relay: {
      waiting: backlogs.reduce((sum, { rows }) => sum + rows, 0),
      waiting_max: waitingMax,
      oldest_seconds: Math.max(0, ...backlogs.map(({ ageMs }) => ageMs)) / 1000,
      horizon_seconds: oldestWriter.ageMs / 1000,
      horizon_holder: holderOf(oldestWriter),
    },
    worker: {
      records: recordsBehind(committed, ends.filter(({ topic }) => topic === names.ordersTopic)),
    },
    projector: { records: recordsBehind(positions, ends) },
  };
}

/** Its statement is left out: it may hold what a customer typed. */
function holderOf({ holder }: Horizon): string | null {
  switch (holder?.kind) {
    case undefined:
      return null;
    case "session":
      return `${holder.applicationName || "a session"} (pid ${holder.pid}, ${holder.state})`;
    case "prepared":
      return `prepared transaction ${holder.gid}`;
    default:
      return holder satisfies never;
  }
}
