/** How the pipeline is checked. */
import type { FindHindrances } from "./hindrance.ts";
import type { OrderProblem } from "./read_events.ts";
import type { PipelineNames } from "./pipeline_names.ts";

/** How to check. */
export interface ConservationOptions {
  readonly names: PipelineNames;
  /** Where the scratch database may be: about 1.5 KB an order, removed at the end. */
  readonly spillDir: string;
  /** The pipeline is said to be quiet: then lag is a finding. */
  readonly drained: boolean;
  /** How long an open transaction may hold the cut before it is a finding: longer than the transaction timeout. */
  readonly openTransactionWaitMs: number;
  readonly signal: AbortSignal;
  /** How long dead letters are kept, milliseconds; -1, or absent, for ever. */
  readonly deadLetterRetentionMs?: number;
  /** The cluster's time, milliseconds since the epoch, by which retention goes; `untold` says why it is this host's after all. */
  readonly now?: () => Promise<{ readonly ms: number; readonly untold?: string }>;
  /** Which records are orders; where it is absent, those are that say all that an order needs. */
  readonly orderProblem?: OrderProblem;
  /** Says why transactions that hold something back are open; without it a finding has no cause. */
  readonly findHindrances?: FindHindrances;
  /** Called as the steps go by, for a progress line. */
  readonly onProgress?: (step: string) => void;
}
