/**
 * Tests of flows without a broker, in milliseconds: one flow with {@linkcode testFlow}, several over one log with
 * {@linkcode memoryLog}. Lane, planner, dead letters, parked keys and redrive are those of production.
 *
 * ```ts ignore
 * import { testFlow } from "@onceflow/onceflow/testing";
 *
 * Deno.test("a parcel becomes a label, an empty one a dead letter", async () => {
 *   await testFlow(labelling)
 *     .given({ parcel_id: "a", items: 2 }, { parcel_id: "b", items: 0 })
 *     .expect(labels, [{ parcel_id: "a", weight_g: 500 }])
 *     .expectDeadLetters([{ errorClass: "PoisonError", value: { parcel_id: "b", items: 0 } }])
 *     .expectNothingElse();
 * });
 * ```
 *
 * Where a flow reads several topics, `givenRecords(parcels.event({ ... }))` says which one. Needs no permission.
 *
 * @module
 */
export { type FlowResult, type FlowTest, testFlow } from "./test_flow.ts";
export type { ExpectedDeadLetter } from "./expectations.ts";
export type { GivenRecord } from "./given_record.ts";
export {
  type FlowWork,
  type MemoryLog,
  memoryLog,
  type MemoryLogOptions,
  type MemoryTransaction,
  type ReadingFlow,
  type RedriveSelection,
} from "./memory_log.ts";
export type { Outage, Retry } from "./work_off.ts";
export type { DeadLetter, Origin } from "../dead_letters/read_dead_letter.ts";
export type { ParkedLink } from "../dead_letters/parked_link.ts";
export type { RedriveReport } from "../dead_letters/redrive.ts";
