/** Finds out whose the transactions are that partitions hold open, and how those ended that Kafka has forgotten. Changes nothing. */
import { formatPartition } from "../core/record.ts";
import { proofByMarker } from "./marker_proof.ts";
import {
  describeTransaction,
  findOpen,
  idsOfProducers,
  offsetsTopic,
  seesAllIds,
} from "./open_transactions.ts";
import { proofByState } from "./state_proof.ts";
import { speaksProtocol2 } from "./settle_transaction.ts";
import { judge, type Outcome, type Standing } from "./transaction_outcome.ts";
import type { OpenTransaction, TransactionState } from "./transaction_states.ts";
import type { VendorCluster } from "./vendor.ts";

/** An open transaction with all that is known of it. */
export interface ExaminedTransaction {
  readonly part: OpenTransaction;
  /** Absent where no coordinator knows the producer id any more. */
  readonly transactionalId?: string;
  readonly state?: TransactionState;
  readonly kind: Standing["kind"];
  /** How it ended, where that is proved. */
  readonly outcome?: Outcome;
  /** What proves it. */
  readonly proof?: string;
  /** Every transaction has an epoch of its own, so that a marker cannot reach a later one. */
  readonly protocol2: boolean;
}

/** `topics` is where markers are looked for; everywhere where absent. */
export async function examineTransactions(
  cluster: VendorCluster,
  parts: readonly OpenTransaction[],
  topics?: readonly string[],
): Promise<readonly ExaminedTransaction[]> {
  if (parts.length === 0) return [];
  const protocol2 = await speaksProtocol2(cluster);
  const { ids, isWhole } = await idsOfProducers(cluster, [
    ...new Set(parts.map(({ producerId }) => producerId)),
  ]);
  const mayBeHidden = isWhole && parts.some(({ producerId }) => !ids.has(producerId)) &&
    !await seesAllIds(cluster);
  const examined: ExaminedTransaction[] = [];
  for (const part of parts) {
    const transactionalId = ids.get(part.producerId)?.transactionalId;
    if (transactionalId === undefined && (!isWhole || mayBeHidden)) {
      examined.push({ part, protocol2, kind: isWhole ? "hidden" : "unasked" });
      continue;
    }
    const state = transactionalId === undefined
      ? undefined
      : await describeTransaction(cluster, transactionalId);
    const standing = judge(part, state, protocol2);
    const known = { part, transactionalId, state, protocol2, kind: standing.kind };
    if (standing.kind !== "forgotten") {
      examined.push(known);
      continue;
    }
    if (standing.outcome) {
      const proof = `the coordinator says ${state?.state}`;
      examined.push({ ...known, outcome: standing.outcome, proof });
      continue;
    }
    const marker = protocol2 ? await proofByMarker(cluster, part, topics) : undefined;
    if (marker || !protocol2 || transactionalId === undefined) {
      const proof = marker && `its marker at ${formatPartition(marker)}, offset ${marker.offset}`;
      examined.push({ ...known, outcome: marker?.outcome, proof });
      continue;
    }
    const entry = await proofByState(cluster, transactionalId, part);
    const proof = entry &&
      `the coordinator's entry at ${formatPartition(entry)}, offset ${entry.offset}`;
    examined.push({ ...known, outcome: entry?.outcome, proof });
  }
  return await stillOpen(cluster, examined);
}

/** A transaction that ended between the questions looks forgotten, but is no longer open. */
async function stillOpen(
  cluster: VendorCluster,
  examined: readonly ExaminedTransaction[],
): Promise<readonly ExaminedTransaction[]> {
  const topics = [...new Set(examined.map(({ part }) => part.topic))];
  const { open } = await findOpen(cluster, topics.filter((topic) => topic !== offsetsTopic));
  const keys = new Set(open.map(keyOf));
  return examined.filter(({ part }) => keys.has(keyOf(part)));
}

/** Tells one open transaction from another. */
export function keyOf(part: OpenTransaction): string {
  return `${formatPartition(part)} ${part.producerId} ${part.producerEpoch} ${part.startOffset}`;
}
