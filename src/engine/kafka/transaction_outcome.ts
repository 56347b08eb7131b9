/**
 * Judges a transaction that a partition holds open by what its coordinator says of it. Pure; never guesses an outcome.
 *
 * Kafka 4.3.0 to 4.4.0 can call a transaction complete without having written the marker of a partition that had no leader
 * (KAFKA-20734). Nothing ends it there any more but the next marker of the same producer id, whatever that says.
 */
import type { OpenTransaction, TransactionState } from "./transaction_states.ts";

/** How a transaction ended. */
export type Outcome = "commit" | "abort";

/** What is known of a transaction that is open in a partition. */
export type Standing =
  /** The coordinator has it open, too: its producer is at work, or its timeout will end it. */
  | { readonly kind: "ongoing" }
  /** The coordinator has decided and is writing markers: it waits for a leader. */
  | { readonly kind: "completing"; readonly outcome: Outcome }
  /** The coordinator is done with it, and the partition was left out. Without an outcome there is no proof of it here. */
  | { readonly kind: "forgotten"; readonly outcome?: Outcome }
  /** Its id is not told to us, and there may be one: it can be at work as well. */
  | { readonly kind: "hidden" }
  /** The same, since a coordinator that may know of it cannot be asked now. */
  | { readonly kind: "unasked" };

const completing: Readonly<Record<string, Outcome>> = {
  PrepareCommit: "commit",
  PrepareAbort: "abort",
  PrepareEpochFence: "abort",
};

/**
 * `state` is that of the id which has this producer id, asked for after the partition was; undefined where there is none.
 * Under protocol 2 every transaction has an epoch of its own, and its markers the next one. Under protocol 1 an epoch may
 * have had many, so there the time at which the last one began must fit, too.
 */
export function judge(
  open: OpenTransaction,
  state: TransactionState | undefined,
  protocol2: boolean,
): Standing {
  if (state?.producerId !== open.producerId) return { kind: "forgotten" };
  const ahead = state.producerEpoch - open.producerEpoch;
  const joined = state.partitions.some(({ topic, partition }) =>
    topic === open.topic && partition === open.partition
  );
  if (state.state === "Ongoing") return { kind: ahead === 0 && joined ? "ongoing" : "forgotten" };
  const decided = completing[state.state];
  if (decided) {
    return joined || ahead === 0 || ahead === 1
      ? { kind: "completing", outcome: decided }
      : { kind: "forgotten" };
  }
  return { kind: "forgotten", outcome: endedAs(open, state, protocol2) };
}

/** The outcome of this very transaction, where the coordinator still knows it. */
export function endedAs(
  open: Pick<OpenTransaction, "producerId" | "producerEpoch" | "lastTimestamp">,
  { state, producerId, producerEpoch, startedAt }: Ended,
  protocol2: boolean,
): Outcome | undefined {
  if (state !== "CompleteCommit" && state !== "CompleteAbort") return undefined;
  const outcome = state === "CompleteCommit" ? "commit" : "abort";
  if (producerId !== open.producerId) return undefined;
  const ahead = producerEpoch - open.producerEpoch;
  if (protocol2) return ahead === 1 ? outcome : undefined;
  const fits = outcome === "commit" ? ahead === 0 : ahead === 0 || ahead === 1;
  return fits && startedAt > 0 && open.lastTimestamp >= startedAt ? outcome : undefined;
}

/** The end of a transaction, as the coordinator told it. */
export type Ended = Pick<
  TransactionState,
  "state" | "producerId" | "producerEpoch" | "startedAt"
>;
