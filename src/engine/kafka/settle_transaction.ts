/**
 * Makes sure, before an id is used again, that its last transaction has ended wherever it wrote. Where the coordinator has
 * forgotten a partition, it is ended there with the outcome that it had, by proof; without a proof this halts.
 */
import { getLogger } from "../packages/logtape.ts";
import { timeText } from "../core/iso_time.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import { UnendedError } from "../core/unended_error.ts";
import { endForgotten } from "./end_forgotten.ts";
import { protocolErrorType } from "./error_verdict.ts";
import { lastTransaction } from "./last_transaction.ts";
import { proofByMarker } from "./marker_proof.ts";
import { proofByState } from "./state_proof.ts";
import { findOpen, type OpenOnes } from "./open_transactions.ts";
import { endedAs, type Outcome } from "./transaction_outcome.ts";
import type { OpenTransaction, TransactionState } from "./transaction_states.ts";
import { fetchTransactionVersion } from "./transaction_version.ts";
import type { VendorCluster } from "./vendor.ts";

/** What came of a transaction that Kafka had forgotten, or stands in the way of going on. */
export type TransactionNews =
  /** Ended now, with the outcome that it had. */
  | { readonly kind: "ended"; readonly part: OpenTransaction; readonly outcome: Outcome }
  /** The coordinator is at it, or its producer is: nothing to do but wait. */
  | { readonly kind: "waiting"; readonly reason: string }
  /** Nothing proves how it ended: a person must decide. */
  | { readonly kind: "unproved"; readonly part: OpenTransaction; readonly reason: string };

/** Told about an id, as it happens. */
export type OnTransactionNews = (transactionalId: string, news: TransactionNews) => void;

/** Where to look, and whom to tell. */
export interface SettleOptions {
  /** The topics that the id writes to; all that can be seen where absent. */
  readonly writesTo?: readonly string[];
  /** `writesTo` may not be all: what is open is looked for in every topic that can be seen. */
  readonly alsoElsewhere?: boolean;
  readonly onNews?: OnTransactionNews;
  /** Whether this process saw that transaction commit. */
  readonly sawCommitted?: (part: OpenTransaction) => boolean;
  /** False where we have not the right to; otherwise that is found out. */
  readonly mayWriteMarkers?: boolean;
  /** The same of reading the coordinators' own topic. */
  readonly mayReadState?: boolean;
  /** The caller can go on without the id: after some two seconds of waiting for its coordinator it is told. */
  readonly isOneOfSeveral?: boolean;
}

const log = getLogger(["onceflow", "kafka", "transactions"]);

/** What has no leader could not be asked. */
export interface Unasked {
  /** They may still hold a transaction of the id. */
  readonly places: readonly TopicPartition[];
  /** Whose it would be; undefined where the coordinator knows of none. */
  readonly producerId: bigint | undefined;
}

/**
 * @throws {UnendedError} where nothing proves the outcome of one that was forgotten
 */
export async function settleTransaction(
  cluster: VendorCluster,
  transactionalId: string,
  options: SettleOptions,
  signal?: AbortSignal,
): Promise<Unasked> {
  const { writesTo: topics, onNews, sawCommitted, mayWriteMarkers = true, mayReadState = true } =
    options;
  const { last, parts, leaderless } = await leftOpen(cluster, transactionalId, options, signal);
  const unasked = { places: leaderless, producerId: last?.producerId };
  if (!last || parts.length === 0) return unasked;
  const protocol2 = await speaksProtocol2(cluster);
  const outcomes = new Map<Outcome, OpenTransaction[]>([["abort", []], ["commit", []]]);
  for (const part of parts) {
    const outcome = endedAs(part, last, protocol2) ??
      (sawCommitted?.(part) ? "commit" : undefined) ??
      (protocol2
        ? await provedElsewhere(cluster, transactionalId, part, topics, mayReadState)
        : undefined);
    if (!outcome) {
      const reason = unproved(transactionalId, part, last);
      onNews?.(transactionalId, { kind: "unproved", part, reason });
      throw new UnendedError(reason);
    }
    outcomes.get(outcome)?.push(part);
  }
  const groupId = groupOf(transactionalId);
  for (const [outcome, own] of outcomes) {
    if (own.length === 0) continue;
    await endForgotten(cluster, {
      ...{ transactionalId, groupId, parts: own, outcome, protocol2, mayWriteMarkers },
    });
    for (const part of own) {
      log.warn(
        "Kafka had forgotten to end a transaction of {transactionalId} in {partition}: producer id " +
          "{producerId}, epoch {epoch}, from offset {offset}, last written at {written}. Ended there now " +
          "as it ended elsewhere: {outcome}",
        {
          ...{ transactionalId, outcome, partition: formatPartition(part) },
          ...{ producerId: String(part.producerId), epoch: part.producerEpoch },
          ...{ offset: part.startOffset, written: timeText(writtenAt(part, last)) },
        },
      );
      onNews?.(transactionalId, { kind: "ended", part, outcome });
    }
  }
  return unasked;
}

/** What its last transaction has left open, once nothing of the id is under way. */
interface LeftOpen {
  readonly last: TransactionState | undefined;
  readonly parts: readonly OpenTransaction[];
  readonly leaderless: readonly TopicPartition[];
}

/**
 * A request that a frozen broker or process kept back may begin a transaction between the two questions: not a forgotten one.
 * The coordinator hears of each before a partition does, so asked again it says so, and that one is shut out, too.
 */
async function leftOpen(
  cluster: VendorCluster,
  transactionalId: string,
  options: SettleOptions,
  signal: AbortSignal | undefined,
): Promise<LeftOpen> {
  const atRest = () =>
    lastTransaction(cluster, transactionalId, signal, (state) => {
      const reason = waitingFor(state);
      options.onNews?.(transactionalId, { kind: "waiting", reason });
      if (options.isOneOfSeveral) throw new UnendedError(reason);
    });
  let last = await atRest();
  while (last) {
    const { producerId, state, producerEpoch, startedAt } = last;
    const topics = options.alsoElsewhere ? undefined : options.writesTo;
    const { open, leaderless } = await findOpenIfTold(cluster, topics);
    const parts = open.filter((part) => part.producerId === producerId);
    if (parts.length === 0) return { last, parts, leaderless };
    last = await atRest();
    const isSame = last?.producerId === producerId && last.state === state &&
      last.producerEpoch === producerEpoch && last.startedAt === startedAt;
    if (isSame) return { last, parts, leaderless };
  }
  return { last, parts: [], leaderless: [] };
}

async function provedElsewhere(
  cluster: VendorCluster,
  transactionalId: string,
  part: OpenTransaction,
  topics: readonly string[] | undefined,
  mayReadState: boolean,
): Promise<Outcome | undefined> {
  const proof = await proofByMarker(cluster, part, topics) ??
    (mayReadState ? await proofByState(cluster, transactionalId, part) : undefined);
  return proof?.outcome;
}

/** `<group>/<topic>/<partition>`: what stands before the last two slashes. */
export function groupOf(transactionalId: string): string {
  return transactionalId.split("/").slice(0, -2).join("/");
}

/**
 * When the last record of an open transaction was written, milliseconds since the epoch by the clocks of Kafka and its
 * producer: in texts a time and no age, which needs no clock of this host and stays the same while they are repeated. A
 * redriven record bears the time that it first had, which may be a day ago: none was written before the transaction began,
 * where its coordinator still tells when that was.
 */
export function writtenAt(
  { lastTimestamp, producerId, producerEpoch }: OpenTransaction,
  state: Pick<TransactionState, "producerId" | "producerEpoch" | "startedAt"> | undefined,
): number {
  // The next epoch is that of its end under protocol 2.
  const isOfIt = state?.producerId === producerId &&
    [producerEpoch, producerEpoch + 1].includes(state.producerEpoch);
  return isOfIt ? Math.max(lastTimestamp, state.startedAt) : lastTimestamp;
}

/** Whether the cluster has agreed on KIP-890. */
export async function speaksProtocol2(cluster: VendorCluster): Promise<boolean> {
  return await fetchTransactionVersion(await cluster.brokerPool.findConnectedBroker()) >= 2;
}

/** Brokers before 2.8 do not say what is open, and do not forget. */
async function findOpenIfTold(
  cluster: VendorCluster,
  topics: readonly string[] | undefined,
): Promise<OpenOnes> {
  try {
    return await findOpen(cluster, topics);
  } catch (error) {
    if (protocolErrorType(error) !== "UNSUPPORTED_VERSION") throw error;
    return { open: [], leaderless: [], refused: [] };
  }
}

function waitingFor({ transactionalId, state, producerId, partitions }: TransactionState): string {
  const where = partitions.map(formatPartition).join(", ") || "its last partitions";
  return `Waiting for the last transaction of ${transactionalId} (producer id ${producerId}): its ` +
    `coordinator is in ${state} and has yet to write to ${where}; has each of them a leader, and as ` +
    `many replicas in sync as its min.insync.replicas?`;
}

/** What is known, and both ways to decide. */
export function unproved(
  transactionalId: string,
  part: OpenTransaction,
  state: TransactionState | undefined,
): string {
  const partition = formatPartition(part);
  const decide =
    `deno task worker transactions --partition ${partition} --producer ${part.producerId}`;
  return `Kafka has forgotten to end a transaction of ${transactionalId} in ${partition} (producer id ` +
    `${part.producerId}, epoch ${part.producerEpoch}, from offset ${part.startOffset}, last written ` +
    `at ${
      timeText(writtenAt(part, state))
    }), and nothing is left that says how it ended: the coordinator is in ` +
    `${state?.state ?? "no state"} at epoch ${
      state?.producerEpoch ?? "none"
    }, and no other partition ` +
    `has its marker. Committing it makes its records count, aborting it drops them; find out which of ` +
    `the two the outputs elsewhere show, then "${decide} --commit" or "${decide} --abort"`;
}
