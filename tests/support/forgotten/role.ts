/** What a role of the product must offer so that a node can be killed in the middle of one of its transactions. */
import type { TransactorOptions } from "../../../src/engine/kafka/transactor.ts";
import type { Placement, TwoNodes } from "../two_nodes.ts";

/** Where the node is down from: before the offsets, before Produce, before EndTxn. */
export const steps = ["before-offsets", "before-send", "before-end-txn"] as const;
export type Step = (typeof steps)[number];

export type OnStep = NonNullable<TransactorOptions["onStep"]>;

/** What each role is given. */
export interface Trial {
  readonly cluster: TwoNodes;
  /** A prefix that no other trial has. */
  readonly name: string;
  readonly transactionTimeoutMs: number;
}

/** One role with topics of its own. */
export interface Role extends AsyncDisposable {
  readonly topics: Placement;
  /** The ids of its transactions. */
  readonly transactionalIds: readonly string[];
  /** Works until the signal fires, as a process would. `onStep` is told of each step of each transaction. */
  run(signal: AbortSignal, onStep: OnStep): Promise<void>;
  /** Gives it work. Of a foreign producer this is the transaction that is hit; rejects where it is not known to be committed. */
  feed(values: readonly string[], onStep?: OnStep): Promise<void>;
  /** The values that have come out, as readers of committed records see them; those of a record twice, twice. */
  seen(): Promise<readonly string[]>;
}

/** Makes a role for one trial. */
export type MakeRole = (trial: Trial) => Promise<Role>;
