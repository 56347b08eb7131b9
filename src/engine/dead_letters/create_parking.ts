/** The hook by which lanes of a flow on Kafka find their parked keys. Decides nothing: parked_keys.ts does. */
import { named } from "../kafka/error_verdict.ts";
import type { Parking } from "../core/parking.ts";
import { loadParkedKeys } from "./load_parked_keys.ts";
import type { RecordLog } from "./record_log.ts";

/**
 * The hook for lanes of a flow with `park: "key"`.
 *
 * `load` must be called once the lane's stable offset is known, when no older owner can write its entries. It rejects with
 * a HaltError where the topic is not there: it must be made before the worker starts.
 */
export function createParking(log: RecordLog, deadLetters: string): Parking {
  return {
    load: (lane, signal) =>
      // A lane waits for what can be granted.
      named(
        "Cannot read the parked keys",
        {},
        () => loadParkedKeys(log, lane, deadLetters, signal),
      ),
  };
}
