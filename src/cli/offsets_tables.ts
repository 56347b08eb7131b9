/** Where groups stand, and what setting an offset changes, as tables for people. Pure. */
import Table from "cli-table3";
import { oneLine } from "../engine/core/plain_text.ts";
import { columns, cutTo } from "../engine/dead_letters/fit_columns.ts";
import { formatPartition } from "../engine/core/record.ts";
import type { GroupStanding } from "../engine/kafka/group_standing.ts";
import type { OffsetChange } from "../engine/kafka/offset_admin.ts";

/** A group, one line a partition. Offsets on the relay's cursor topic are positions of the outbox: it has no records, so no lag. */
export function standingTable(
  { groupId, state, members, partitions }: GroupStanding,
  cursorTopic: string,
): string {
  const table = new Table({
    head: ["partition", "committed", "log start", "end", "high watermark", "lag"],
    style: { head: [], border: [], compact: true },
  });
  const notes: string[] = [];
  for (const row of partitions) {
    const { committed, pending, log, lag, metadata } = row;
    table.push([
      formatPartition(row),
      `${committed < 0 ? "none" : committed}${pending ? " (transaction open)" : ""}`,
      ...(log
        ? [
          String(log.start),
          String(log.stableEnd),
          String(log.highWatermark),
          row.topic === cursorTopic ? "" : String(lag),
        ]
        : ["no such partition", "", "", ""]),
    ]);
    if (metadata !== "") {
      notes.push(cutTo(`${formatPartition(row)}: ${oneLine(metadata)}`, columns));
    }
  }
  const who = oneLine(members.map(({ clientId, host }) => `${clientId}${host}`).join(" "));
  const title = `Group ${groupId}: ${state}${who ? `, ${members.length} member(s): ${who}` : ""}`;
  return partitions.length > 0
    ? [title, String(table), ...notes].join("\n")
    : `${title}, nothing committed`;
}

/** Before and after, and what it means. */
export function changeTable(change: OffsetChange, isCursor: boolean): string {
  const { before, after, metadataAfter, groupId } = change;
  const table = new Table({
    head: [`${formatPartition(change)} of ${groupId}`, "before", "after"],
    style: { head: [], border: [], compact: true },
  });
  table.push(
    ["offset", before.committed < 0 ? "none" : String(before.committed), String(after)],
    ["metadata", oneLine(before.metadata), oneLine(metadataAfter)],
  );
  const made = change.newGroup
    ? `\nThere is no group ${groupId} yet: this would make it. Is the name right?`
    : "";
  return `${table}\n${consequence(change, isCursor)}${made}`;
}

function consequence({ before, after }: OffsetChange, isCursor: boolean): string {
  const from = before.committed < 0 ? (isCursor ? 1 : before.log?.start ?? 0) : before.committed;
  const [things, again, never] = isCursor
    ? ["positions of the outbox", "published a second time", "never published"]
    : ["offsets", "processed a second time, and their outputs written again", "never processed"];
  const end = isCursor ? undefined : before.log?.highWatermark;
  if (end !== undefined && from > end) {
    return `The log ends at ${end}, below the offset that was committed: it is not the one that was read. Up to ` +
      `${
        end - after
      } offsets of it will be processed; which of them had been before nobody can tell.`;
  }
  if (after === from) return "It goes on where it would have gone on.";
  return after < from
    ? `Up to ${from - after} ${things} will be ${again}.`
    : `Up to ${after - from} ${things} will be ${never}.`;
}
