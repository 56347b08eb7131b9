/** What one record becomes, once it is planned. Plain data. */
import type { DeadLetterReason } from "./dead_letter.ts";
import type { Emission } from "./emission.ts";
import type { OutputRecord } from "./record.ts";

/** What a record becomes. */
export type Planned =
  | {
    readonly kind: "emit";
    readonly emissions: readonly Emission[];
    /** The emissions as they are written, where that was worked out already. */
    readonly outputs?: readonly OutputRecord[];
  }
  | { readonly kind: "dead-letter"; readonly reason: DeadLetterReason };

/** What was put back for another flow counts for nothing here: not for the order of a parked key either. */
export const passedOver: Planned = { kind: "emit", emissions: [] };
