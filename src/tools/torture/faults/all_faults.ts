/** Every kind of fault that a run draws from. */
import type { FaultKind } from "../fault.ts";
import { blackHoleFaults } from "./black_hole_faults.ts";
import { crashPointFaults } from "./crash_point_faults.ts";
import { groupFaults } from "./group_faults.ts";
import { brokerFaults } from "./broker_faults.ts";
import { networkFaults } from "./network_faults.ts";
import { permissionFaults } from "./permission_faults.ts";
import { postgresFaults } from "./postgres_faults.ts";
import { processFaults } from "./process_faults.ts";
import { settingsFaults } from "./settings_faults.ts";

/** The kinds, for a run with these time-outs. */
export function allFaults(timeouts: {
  readonly transactionTimeoutMs: number;
  readonly sessionTimeoutMs: number;
}): FaultKind[] {
  return [
    ...processFaults(timeouts),
    ...crashPointFaults(),
    ...networkFaults(),
    ...blackHoleFaults(),
    ...brokerFaults(),
    ...postgresFaults(),
    ...groupFaults(),
    ...settingsFaults(),
    ...permissionFaults(),
  ];
}
