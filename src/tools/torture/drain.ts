/** Waits until everything that was written has gone all the way. Says what is stuck when it does not. */
import { delay } from "../../engine/core/delay.ts";
import type { Sql } from "../../engine/postgres/sql.ts";
import type { PipelineNames } from "../verify/check_conservation.ts";
import type { LogReader } from "../verify/log_reader.ts";
import { sequenceFlow, sequenceTopics } from "./sequence_flow.ts";

const pollMs = 500;
/** Stuck is what does not move for this long: longer than any time-out of the run. */
const standstillMsMax = 60_000;
const waitMsMax = 600_000;

/** The groups that read topics. */
const sequenceGroup = sequenceFlow().groupId;

/** What is left to do when the time is over; empty when all is done. */
export async function untilDrained(
  sql: Sql,
  reader: LogReader,
  names: PipelineNames,
  signal: AbortSignal,
): Promise<string[]> {
  const end = performance.now() + waitMsMax;
  let before = "";
  let movedAt = performance.now();
  while (true) {
    const left = await leftovers(sql, reader, names).catch((error) => [String(error)]);
    const now = performance.now();
    if (left.join() !== before) movedAt = now;
    before = left.join();
    if (left.length === 0 || now > end || now - movedAt > standstillMsMax) return left;
    await delay(pollMs, signal);
  }
}

async function leftovers(sql: Sql, reader: LogReader, names: PipelineNames): Promise<string[]> {
  const left: string[] = [];
  const rows = await sql<{ shard: number; position: number }[]>`
    select shard, max(position) as position from outbox group by shard
  `;
  const cursors = await reader.offsets(names.relayGroup, [names.cursorTopic]);
  for (const { shard, position } of rows) {
    const cursor = cursors.find(({ partition }) => partition === shard)?.offset ?? 0;
    if (cursor <= position) {
      left.push(`outbox shard ${shard}: relayed ${cursor - 1} of ${position}`);
    }
  }
  const groups = [
    [names.invoicingGroup, names.ordersTopic],
    [sequenceGroup, sequenceTopics.input],
  ] as const;
  for (const [group, topic] of groups) {
    const offsets = await reader.offsets(group, [topic]);
    left.push(
      ...await behind(
        reader,
        topic,
        (partition) => offsets.find((offset) => offset.partition === partition)?.offset ?? 0,
        group,
      ),
    );
  }
  const positions = await sql<{ topic: string; partition: number; position: number }[]>`
    select topic, partition, next_offset as position from projection_positions
    where projection = ${names.projection}
  `;
  for (const topic of [names.ordersTopic, names.invoicesTopic, names.deadLettersTopic]) {
    left.push(
      ...await behind(
        reader,
        topic,
        (partition) =>
          positions.find((place) => place.topic === topic && place.partition === partition)
            ?.position ?? 0,
        "the projection",
      ),
    );
  }
  return left;
}

async function behind(
  reader: LogReader,
  topic: string,
  position: (partition: number) => number,
  who: string,
): Promise<string[]> {
  const [ends] = await reader.ends([topic], 0);
  return (ends?.partitions ?? []).flatMap(({ partition, highWatermark, lastStable }) => {
    const at = position(partition);
    if (at >= highWatermark) return [];
    const open = lastStable < highWatermark ? ` (last stable offset ${lastStable})` : "";
    return [`${topic}-${partition}: ${who} is at ${at} of ${highWatermark}${open}`];
  });
}
