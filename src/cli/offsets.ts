/** `worker offsets`: where a group stands, and the operator's decision where it shall go on. */
import { Command } from "commander";
import type { Audit } from "../app/compose/audited.ts";
import { formatPartition } from "../engine/core/record.ts";
import type { Transactions } from "../engine/core/ports.ts";
import { type GroupStanding, showOffsets } from "../engine/kafka/group_standing.ts";
import type { KafkaClient } from "../engine/kafka/kafka_client.ts";
import {
  applyOffset,
  type OffsetChange,
  OffsetRefusedError,
  planOffset,
} from "../engine/kafka/offset_admin.ts";
import { askFirst } from "./ask_first.ts";
import { refuseUnknown } from "./offsets_named.ts";
import { changeTable, standingTable } from "./offsets_tables.ts";
import { progress } from "./progress.ts";
import { jsonDocument } from "./json_document.ts";
import { wholeNumber } from "./number_option.ts";
import { print } from "./print.ts";

/** What the commands work with. */
export interface OffsetsAccess {
  readonly client: KafkaClient;
  readonly transactions: Transactions;
  /** The groups that `show` shows when none is named. */
  readonly groups: readonly string[];
  /** The group that `set` takes when none is named. */
  readonly flowGroup: string;
  /** The group of the projectors: it only shares out partitions, their positions are in Postgres. */
  readonly projectorGroup: string;
  /** Where the relay's cursor is kept: its offsets are positions of the outbox and carry metadata. */
  readonly relay: { readonly groupId: string; readonly cursorTopic: string };
  /**
   * The relay's metadata for this offset, from the outbox row just below it; undefined where there is no such row. Rows that
   * wait by the metadata that is there now wait on.
   */
  relayMetadata(shard: number, offset: number, now: string): Promise<string | undefined>;
  /** Writes to Postgres that the relay's cursor stands at this offset, or the relay would halt on one that was set back. */
  writeRelayCheckpoint(shard: number, offset: number): Promise<void>;
  /** Notes who has set what. */
  readonly audit: Audit;
}

/** What the commands are given by whoever mounts them. */
export interface OffsetsActions {
  /** Opens the access and closes it when `act` is done; the signal fires at SIGINT and SIGTERM. */
  withOffsets<T>(act: (access: OffsetsAccess, signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Asks the operator; false where there is nobody to ask. */
  confirm(question: string): boolean;
}

interface SetArguments {
  readonly group?: string;
  readonly topic: string;
  readonly partition?: readonly number[];
  readonly allPartitions?: boolean;
  readonly to: number | "earliest" | "latest";
  readonly metadata?: string;
  readonly keepMetadata?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** The command, ready to be mounted under `worker`. */
export function offsetsCommand(actions: OffsetsActions): Command {
  const command = new Command("offsets").description(
    "Show where the consumer groups stand, and decide where a halted lane goes on.",
  );
  command.command("show")
    .description("Show committed offset, log start, log end, lag and metadata of each partition.")
    .option("--group <group>", "only this group (default: all of onceflow's)")
    .option("--topic <topic>", "also the partitions of this topic without a committed offset")
    .option("--json", "print one JSON document")
    .addHelpText("after", showHelp)
    .action((args: { group?: string; topic?: string; json?: boolean }) =>
      actions.withOffsets(async ({ client, groups, relay }) => {
        const standings: GroupStanding[] = [];
        for (const groupId of args.group ? [args.group] : groups) {
          standings.push(await showOffsets(client, groupId, args.topic ? [args.topic] : []));
        }
        refuseUnknown(standings, args, groups);
        if (args.json) return print(jsonDocument(standings));
        for (const standing of standings) print(standingTable(standing, relay.cursorTopic));
      })
    );
  command.command("set")
    .description("Set the committed offset of partitions, while no worker of the group runs.")
    .option("--group <group>", "the consumer group (default: the flow's)")
    .requiredOption("--topic <topic>", "the topic that the group reads")
    .option("--partition <n>", "the partition, or several with commas between", partitions)
    .option("--all-partitions", "each partition of the topic")
    .requiredOption("--to <offset>", "the next offset to read: a number, earliest or latest", place)
    .option("--metadata <text>", "commit this metadata with it")
    .option("--keep-metadata", "for the relay's cursor: keep its metadata as it is")
    .option("--dry-run", "only show what would change")
    .option("--yes", "do not ask")
    .option("--json", "print one JSON document")
    .addHelpText("after", setHelp)
    .action((args: SetArguments) =>
      actions.withOffsets((access, signal) => setOffset(actions, access, args, signal))
    );
  return command;
}

const showHelp = `
"end" is the last stable offset: what read_committed readers can see. Where "high watermark" is beyond it, a
transaction is open. Lag counts offsets, and the markers of transactions have offsets too.`;

const setHelp = `
Use it when a lane has halted because its offset expired or lies outside the log, or to pass over or repeat records
on purpose. Moving back: the records are processed a second time and their outputs are written a second time.
Moving on: the records between are never processed.

Several partitions are looked at first, so that a refusal of one changes none; then they are set one after the other, each
with a row in the audit log.

It refuses while the group has members or a transaction is open on the offset. It commits through the lane's own
transactional id, so that no stalled worker can overwrite it later.

The relay's cursor (group onceflow.relay) counts positions of the outbox, and its metadata names the event just below
it. The metadata is made anew from the outbox row at that position; with --keep-metadata it stays as it is, and then the
relay halts unless the event is the same. Moved back, events are published a second time, which is what this system
exists to prevent; moved on, orders are never published. Stop the relay first: it is no member of a group, so it is
noticed only while it is publishing.

The projector's group has no offsets of its own to set: its positions are in Postgres, with its tables.`;

async function setOffset(
  actions: OffsetsActions,
  access: OffsetsAccess,
  args: SetArguments,
  signal: AbortSignal,
): Promise<void> {
  const { group = access.flowGroup, topic } = args;
  if (group === access.projectorGroup) {
    throw new OffsetRefusedError(
      `Cannot set an offset of ${group}: it only shares out partitions, and where a projection stands ` +
        `is kept in Postgres beside its tables, so nothing would move. "deno task projection status" shows it; ` +
        `"deno task projection rebuild" folds everything again from the first record`,
    );
  }
  const isCursor = group === access.relay.groupId && topic === access.relay.cursorTopic;
  const changes: OffsetChange[] = [];
  for (const partition of await partitionsOf(access, group, args)) {
    changes.push(
      await planOffset(access.client, {
        ...{ groupId: group, topic, partition, to: args.to, unbounded: isCursor },
        metadata: isCursor ? await cursorMetadata(access, args, partition) : args.metadata,
      }),
    );
  }
  const isOne = changes.length === 1;
  if (args.json) {
    const planned = changes.map((change) => ({ ...change, dryRun: args.dryRun ?? false }));
    print(jsonDocument(isOne ? planned[0] : planned));
  } else for (const change of changes) print(changeTable(change, isCursor));
  if (args.dryRun) return progress("Dry run: nothing was changed.");
  const question = isOne ? "Set it?" : `Set all ${changes.length}?`;
  askFirst(question, { yes: args.yes, confirm: actions.confirm });
  for (const change of changes) {
    const { before: { committed: before }, after, partition } = change;
    const where = `${group} at ${formatPartition(change)}`;
    const deed = { action: "worker offsets set", target: where, detail: { before, after } };
    await access.audit(deed, async () => {
      await applyOffset(access.client, access.transactions, change, signal);
      if (isCursor) await access.writeRelayCheckpoint(partition, after);
    });
    progress(`Set ${formatPartition(change)} of ${group} to ${after}.`);
  }
}

/** @throws {OffsetRefusedError} when none is named, or the topic is not there */
async function partitionsOf(
  { client }: OffsetsAccess,
  group: string,
  { topic, partition: named, allPartitions }: SetArguments,
): Promise<readonly number[]> {
  if ((named === undefined) === (allPartitions !== true)) {
    throw new OffsetRefusedError("Name the partitions: --partition N, N,N or --all-partitions");
  }
  if (named) return [...new Set(named)];
  const { partitions } = await showOffsets(client, group, [topic]);
  const there = partitions.filter((row) => row.topic === topic && row.log);
  if (there.length > 0) return there.map(({ partition }) => partition);
  throw new OffsetRefusedError(`Cannot set offsets of ${group}: there is no topic "${topic}"`);
}

/** @throws {OffsetRefusedError} when the outbox has no row to make it from */
async function cursorMetadata(
  access: OffsetsAccess,
  { to, metadata, keepMetadata }: SetArguments,
  partition: number,
): Promise<string | undefined> {
  if (metadata !== undefined || keepMetadata || typeof to !== "number") return metadata;
  const { groupId, cursorTopic } = access.relay;
  const { partitions } = await showOffsets(access.client, groupId, [cursorTopic]);
  const now = partitions.find((row) => row.topic === cursorTopic && row.partition === partition)
    ?.metadata ?? "";
  const rebuilt = await access.relayMetadata(partition, to, now);
  if (rebuilt !== undefined) return rebuilt;
  throw new OffsetRefusedError(
    `Cannot set the relay's cursor to ${to}: the outbox has no row at position ${
      to - 1
    } of shard ` +
      `${partition} to name in its metadata (it was never there, or was deleted after it was ` +
      `published). Choose a position whose row is there, or use --keep-metadata`,
  );
}

function place(text: string): SetArguments["to"] {
  return text === "earliest" || text === "latest" ? text : offset(text);
}

const offset = wholeNumber(0, 999_999_999_999_999);

function partitions(text: string): number[] {
  return text.split(",").map(wholeNumber(0, 999_999));
}
