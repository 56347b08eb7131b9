/** Every kind of fault that a run draws from. */
import type { FaultKind } from "../fault.ts";
import { processFaults } from "./process_faults.ts";

/** The kinds, for a run with these time-outs. */
export function allFaults(timeouts: {
  readonly transactionTimeoutMs: number;
  readonly sessionTimeoutMs: number;
}): FaultKind[] {
  return [...processFaults(timeouts)];
}
