/**
 * Watches for transactions that stay open in partitions which this process reads or writes, whoever's they are: says whom
 * they wait for, and ends those that Kafka has forgotten where their outcome is proved. Fences nobody.
 */
import { getLogger } from "../packages/logtape.ts";
import { timeText } from "../core/iso_time.ts";
import { delay, unlessAborted } from "../core/delay.ts";
import { type Health, laneCheck } from "../core/health.ts";
import { formatPartition } from "../core/record.ts";
import { type ExaminedTransaction, examineTransactions, keyOf } from "./examine_transactions.ts";
import type { KafkaClient } from "./kafka_client.ts";
import { forgetfulLine } from "./forgetful_line.ts";
import { findOpen, stateTopic } from "./open_transactions.ts";
import type { OpenTransaction } from "./transaction_states.ts";
import { type OnTransactionNews, unproved, writtenAt } from "./settle_transaction.ts";
import type { VendorCluster } from "./vendor.ts";
import { writeMarkers } from "./write_markers.ts";

/** What to watch, and whom to tell. */
export interface WatchOptions {
  readonly topics: readonly string[];
  /** Asked before each look, and added to `topics`; where that fails, what it said before. */
  readonly moreTopics?: () => Promise<readonly string[]>;
  readonly health: Health;
  readonly onNews?: OnTransactionNews;
  /** Between two looks; each is one request a broker. */
  readonly intervalMs?: number;
  /** One that is open for longer is examined. */
  readonly graceMs?: number;
  /** One whose producer has it open for longer is said, although nothing is wrong with it: what lies behind it stands still. */
  readonly heldMsMax?: number;
}

const log = getLogger(["onceflow", "kafka", "transactions"]);
const cause = "held back";

/** {@linkcode watchTransactions} until it is disposed of. */
export function watching(client: KafkaClient, options: WatchOptions): AsyncDisposable {
  const ended = new AbortController();
  const running = watchTransactions(client, options, ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

/** Runs until the signal fires. Never throws: what it cannot ask now it asks later. */
export async function watchTransactions(
  client: KafkaClient,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const { intervalMs = 5_000, graceMs = 10_000, heldMsMax = 30_000 } = options;
  const cluster = client.cluster();
  const firstSeen = new Map<string, number>();
  const reported = new Set<string>();
  let more: readonly string[] = [];
  let warned = false;
  const look = async () => {
    try {
      if (!warned) {
        await warnOfForgetting(cluster);
        warned = true;
      }
      more = await options.moreTopics?.().catch(() => more) ?? [];
      const topics = [...new Set([...options.topics, ...more])];
      const { open } = await findOpen(cluster, topics);
      const keys = new Set(open.map(keyOf));
      for (const key of firstSeen.keys()) if (!keys.has(key)) firstSeen.delete(key);
      for (const key of keys) if (!firstSeen.has(key)) firstSeen.set(key, performance.now());
      const heldMs = (part: OpenTransaction) =>
        performance.now() - (firstSeen.get(keyOf(part)) ?? Infinity);
      const old = open.filter((part) => heldMs(part) >= graceMs);
      const waiting = new Set<string>();
      for (const one of await examineTransactions(cluster, old, topics)) {
        const reason = await endOrExplain(
          cluster,
          one,
          options,
          client,
          heldMs(one.part) >= heldMsMax,
        );
        if (reason === undefined) continue;
        const name = laneCheck(one.part);
        waiting.add(name);
        options.health.down(name, reason, { cause });
      }
      for (const name of reported) if (!waiting.has(name)) options.health.up(name, cause);
      reported.clear();
      for (const name of waiting) reported.add(name);
    } catch (error) {
      if (signal.aborted) return;
      log.debug("Cannot look for open transactions: {reason}", { reason: String(error) });
    }
  };
  try {
    while (!signal.aborted) {
      // A broker that is silent must not hold up whoever stops.
      await unlessAborted(look(), signal);
      await delay(intervalMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    for (const name of reported) options.health.up(name, cause);
    await cluster.disconnect().catch(() => {});
  }
}

async function warnOfForgetting(cluster: VendorCluster): Promise<void> {
  const found = await forgetfulLine(cluster);
  if (!found) return;
  log.warn(
    "Kafka is of the line {line}, and {forget} can forget to end a transaction in a partition that has no " +
      "leader at that moment (KAFKA-20734). Those that are proved are ended here; the remedy is another " +
      "version of Kafka (src/guarantee.md says which keep the guarantee), or more replicas",
    { ...found },
  );
}

/** The coordinator looks for those that are over their time every ten seconds. */
const overdueMs = 15_000;

/** What stands in the way of readers of that partition; undefined where nothing does any more. */
async function endOrExplain(
  cluster: VendorCluster,
  one: ExaminedTransaction,
  { onNews }: WatchOptions,
  { user, recordClock }: Pick<KafkaClient, "user" | "recordClock">,
  isLong: boolean,
): Promise<string | undefined> {
  const { part, transactionalId = "an id that no coordinator knows", state, outcome } = one;
  const where = formatPartition(part);
  const who = `${transactionalId} (producer id ${part.producerId}, epoch ${part.producerEpoch})`;
  switch (one.kind) {
    case "ongoing": {
      const { startedAt = 0, timeoutMs = 0 } = state ?? {};
      const limit = `${Math.round(timeoutMs / 1_000)} s`;
      if (recordClock.now() >= startedAt + timeoutMs + overdueMs) {
        return `${where} waits for a transaction of ${who}: its coordinator still has it open, longer than ` +
          `its timeout of ${limit}`;
      }
      // In the same words for as long as it is the same one.
      return isLong
        ? `${where} waits for a transaction of ${who} that its producer has begun at ${
          timeText(startedAt)
        } and not ended; its coordinator aborts it ${limit} after its start`
        : undefined;
    }
    case "completing":
      return `${where} waits for the coordinator to end a transaction of ${who}: it is in ` +
        `${state?.state}. Does every partition of it have a leader?`;
    case "hidden":
      if (!isLong) return undefined;
      return `${where} waits for a transaction of producer id ${part.producerId}, last written at ${
        timeText(part.lastTimestamp)
      }, and ${user ?? "this client"} may not see whose it is; grant it: ` +
        `kafka-acls.sh --add --allow-principal User:${user ?? "?"} --operation Describe ` +
        `--transactional-id '*'`;
    case "unasked":
      return `${where} waits for a transaction of producer id ${part.producerId}, and its coordinator ` +
        `cannot be asked: has every partition of ${stateTopic} a leader?`;
    case "forgotten":
      break;
    default:
      one.kind satisfies never;
  }
  if (!outcome) return unproved(transactionalId, part, state);
  // Under protocol 1 its producer may be writing to this partition with the same epoch.
  if (!one.protocol2) return `${unended(where, who)} The next session of its producer ends it`;
  try {
    if (!await writeMarkers(cluster, [part], outcome)) {
      return `${
        unended(where, who)
      } It ended by ${outcome} (${one.proof}), and this program may not write ` +
        `its marker: the next session of its producer does, or somebody who may ALTER the cluster with ` +
        `"deno task worker transactions --partition ${where} --producer ${part.producerId} --${outcome}"`;
    }
  } catch (error) {
    log.debug("Cannot end {who} in {where}: {reason}", { who, where, reason: String(error) });
    return `${unended(where, who)} It is being ended`;
  }
  log.warn(
    "Kafka had forgotten to end a transaction of {who} in {where}, from offset {offset}, last written at " +
      "{written}. Ended there now as it ended elsewhere: {outcome} ({proof})",
    {
      who,
      where,
      offset: part.startOffset,
      written: timeText(writtenAt(part, state)),
      outcome,
      proof: one.proof,
    },
  );
  onNews?.(transactionalId, { kind: "ended", part, outcome });
}

function unended(where: string, who: string): string {
  return `${where} is held back by a transaction of ${who} that Kafka has forgotten to end there.`;
}
