/** Decides with which guarantee a flow runs, and refuses what cannot be. Pure. */
import type { Guarantee } from "../core/delivery.ts";
import type { Flow } from "../core/flow.ts";

/**
 * That of whoever runs the flow, or of the flow.
 *
 * @throws {TypeError} when the two differ, or the flow has something that needs exactly-once
 */
export function guaranteeOf<T, S>(flow: Flow<T, S>, given: Guarantee | undefined): Guarantee {
  const { name, guarantee: own } = flow;
  if (own !== undefined && given !== undefined && own !== given) {
    throw new TypeError(`Cannot run flow "${name}" ${given}: it says guarantee: "${own}"`);
  }
  const guarantee = given ?? own ?? "exactly-once";
  const needs = flow.park === "key"
    ? 'park: "key"'
    : flow.takeOver
    ? "takeOver"
    : flow.state
    ? "its state"
    : undefined;
  if (needs === undefined || guarantee === "exactly-once") return guarantee;
  throw new TypeError(`Cannot run flow "${name}": ${needs} needs the guarantee exactly-once`);
}
