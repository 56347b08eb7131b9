/** What whoever commits transactions tells whoever counts or logs. It must not throw, and nothing waits for it. */
import type { TransactionVerdict } from "./ports.ts";

/** The part that lanes and relays report alike; every part is optional. */
export interface TransactionObserver {
  /** A transaction ended otherwise than by its commit; `unknown` is resolved later. */
  failed?(verdict: TransactionVerdict): void;
  /** A commit whose answer was lost, and what the stable offset said of it. */
  resolved?(outcome: "committed" | "aborted"): void;
  /** A dependency, such as `postgres`, went down or came back. */
  dependency?(name: string, up: boolean): void;
}
