/** What one record becomes, once it is planned. Holds no code. */
import type { DeadLetterReason } from "./dead_letter.ts";
import type { Emission } from "./emission.ts";

/** What a record becomes. */
export type Planned =
  | { readonly kind: "emit"; readonly emissions: readonly Emission[] }
  | { readonly kind: "dead-letter"; readonly reason: DeadLetterReason };
