/** Sets the cursor of a relay that has halted, once a person has decided where to go on. Never while a relay is at work. */
import { applyOffset, planOffset } from "../kafka/offset_admin.ts";
import { createTransactions } from "../kafka/transactions.ts";
import { withClient } from "../kafka/with_client.ts";
import { openDatabase } from "../postgres/database.ts";
import { outboxNames } from "./outbox.ts";
import { cursorMetadataAt, writeRelayCheckpoint } from "./relay_cursor.ts";
import { relayDefaults, type RelaySettings } from "./run_relay.ts";

/** Where a relay shall go on. */
export interface CursorChange {
  /** Which shard; 0 where absent. */
  readonly shard?: number;
  /**
   * The position of the last event that counts as published: those behind it are published next. Its row must be in the outbox,
   * since the relay compares the two when it starts.
   */
  readonly after: number;
}

/**
 * Makes the relay go on behind a position of the outbox, as its halt advises. Stop the relay of every process first. Moved back,
 * events are published a second time; moved on, what lies between is never published.
 *
 * ```ts ignore
 * await setRelayCursor({ brokers, clientId, ssl, databaseUrl, outbox, signal }, { after: 4711 });
 * ```
 *
 * @throws {RangeError} when the outbox has no row at that position
 * @throws {OffsetRefusedError} when a relay is at work on it, or its transaction is still open
 * @throws {DependencyDownError} when Postgres cannot be reached
 */
export async function setRelayCursor(
  settings: RelaySettings,
  { shard = 0, after }: CursorChange,
): Promise<void> {
  const { databaseUrl, outbox = {}, signal } = settings;
  const { transactionTimeoutMs = relayDefaults.transactionTimeoutMs } = settings;
  await withClient(settings, signal, async (client) => {
    const { groupId, cursorTopic: topic } = outboxNames(outbox, client.names);
    await using database = openDatabase(databaseUrl, {
      connectionsMax: 1,
      applicationName: "onceflow relay cursor",
      schema: outbox.schema,
    });
    await using transactions = createTransactions(client, { transactionTimeoutMs });
    const target = { groupId, topic, partition: shard, to: after + 1, unbounded: true };
    const { before } = await planOffset(client, target);
    const metadata = await cursorMetadataAt(database.sql, shard, after + 1, before.metadata);
    if (metadata === undefined) {
      throw new RangeError(
        `Cannot set the cursor of shard ${shard} behind position ${after}: the outbox has no row there. Name one that it has ` +
          `(select position, event_id from outbox where shard = ${shard} order by position)`,
      );
    }
    const change = await planOffset(client, { ...target, metadata });
    await applyOffset(client, transactions, change, signal);
    await writeRelayCheckpoint(database.sql, shard, after);
  });
}
