/** What a finding is. Plain data; owns no check. */

/** Every way in which the books can fail to balance. */
export const findingKinds = [
  "lost",
  "doubled",
  "invented",
  "out_of_order",
  "altered",
  "torn",
  "visible_abort",
  "open_transaction",
  "offset_outside_log",
  "lag",
  "projection_differs",
] as const;

/** One of {@linkcode findingKinds}. */
export type FindingKind = (typeof findingKinds)[number];

/** One thing that is claimed, as a query for everything that contradicts it. */
export interface Rule {
  readonly kind: FindingKind;
  /** What holds when the query is empty. */
  readonly claim: string;
  /** Columns: `subject` (the order, or the key), `topic`, `partition`, `offset` (where it shows), `detail`. */
  readonly sql: string;
  /** Asked only when the caller says that the pipeline has been drained. */
  readonly onlyWhenDrained?: boolean;
}

/** One contradiction. */
export interface Counterexample {
  readonly order_id: string | null;
  readonly topic: string | null;
  readonly partition: number | null;
  readonly offset: number | null;
  readonly detail: string;
}

/** All contradictions of one rule, counted, with the first of them. */
export interface RuleFinding {
  readonly kind: FindingKind;
  readonly claim: string;
  readonly count: number;
  readonly first: Counterexample;
}
