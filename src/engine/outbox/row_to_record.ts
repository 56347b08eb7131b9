/** Makes the record that publishes a row of the outbox. Pure: it never looks anything up. */
import { cloudEventHeaders, isCloudEventHeader } from "../core/cloud_event.ts";
import { HaltError } from "../core/errors.ts";
import { partitionForKey } from "../core/partition_for_key.ts";
import { type OutputRecord, textHeader } from "../core/record.ts";
import type { OutboxRow } from "./outbox_row.ts";

/** The header that says when an event happened, ISO 8601. */
export const occurredAtHeader = "occurred_at";

/**
 * The row as a record for a topic of so many partitions. It is a CloudEvent of `source`, unless whoever wrote the row has
 * made one of it.
 *
 * @throws {HaltError} naming the row when it cannot be sent: what follows in its shard must not pass it by
 */
export function rowToRecord(
  row: OutboxRow,
  partitions: number,
  source: string = "/onceflow/outbox",
): OutputRecord {
  const which = `event ${row.eventId} (outbox shard ${row.shard}, position ${row.position})`;
  const headers: unknown = row.headers;
  if (!isPairs(headers)) {
    throw new HaltError(
      `Cannot publish ${which}: its headers are not an array of [name, value] pairs of text. Correct them ` +
        `(update outbox set headers = '[]' where position = ${row.position} and shard = ${row.shard}), and ` +
        `it is published by itself; what follows of its key waits`,
    );
  }
  const { eventId: id, eventType: type } = row;
  return {
    topic: row.topic,
    partition: partitionForKey(row.key, partitions),
    key: row.key,
    value: row.value,
    headers: [
      textHeader("event_id", row.eventId),
      textHeader("event_type", row.eventType),
      ...(headers.some(([name]) => isCloudEventHeader(name))
        ? []
        : cloudEventHeaders({ id, source, type, time: happenedAt(row) })),
      ...headers.map(([name, value]) => textHeader(name, value)),
    ],
  };
}

/** What whoever appended it has said, else when it was appended. */
function happenedAt({ headers, createdAt }: OutboxRow): Date {
  const said = headers.findLast(([name]) => name === occurredAtHeader)?.[1];
  const time = new Date(said ?? NaN);
  return Number.isNaN(time.getTime()) ? createdAt : time;
}

function isPairs(headers: unknown): headers is OutboxRow["headers"] {
  return Array.isArray(headers) &&
    headers.every((pair) =>
      Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string")
    );
}
