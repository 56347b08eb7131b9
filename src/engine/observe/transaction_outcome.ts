/** The label of a transaction that ended otherwise than by its commit: its verdict, in the operator's word. */

/** `migrated` is fenced; the others keep their names. */
export function transactionOutcome(verdict: string): string {
  return verdict === "migrated" ? "fenced" : verdict;
}
