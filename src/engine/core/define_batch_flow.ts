/** Makes a flow whose transform is given many events at once. */
import type { BatchTransform } from "./batch_transform.ts";
import { defineFlow, type Flow } from "./flow.ts";
import type { AnyContract, EventOf } from "./flow_inputs.ts";
import type { FlowSettings } from "./flow_settings.ts";
import type { TopicContract } from "./topic_contract.ts";

/**
 * What a batch flow is, but for its input. It keeps no state and parks no keys: both go record by record.
 *
 * How many events come together depends on what has been read by then, and after a crash the same events may come in other
 * batches, so what is emitted must be right for every cut. All of it, the dead letters and the offset are one transaction.
 */
export interface BatchFlowSettings<T>
  extends Omit<FlowSettings<T>, "transform" | "state" | "park" | "concurrencyMax"> {
  /**
   * Called once for all events that were read of a partition; what cannot be decoded is a dead letter by then. When it throws,
   * or emits what cannot be written, it is called again with each event alone, and only these calls are retried and make dead
   * letters: a poison record does not take its neighbours with it. `DependencyDownError` makes the lane wait, and then all
   * come together again.
   */
  readonly transformBatch: BatchTransform<T>;
}

/** The options of {@linkcode defineBatchFlow}. */
export interface BatchFlowOptions<T> extends BatchFlowSettings<T> {
  /** The topic that it reads. */
  readonly from: TopicContract<T>;
}

/** The options of {@linkcode defineBatchFlow} for several inputs; the events of one call are of one of them. */
export interface BatchFlowOptionsOfSeveral<C extends readonly AnyContract[]>
  extends BatchFlowSettings<EventOf<C[number]>> {
  /** The topics that it reads. */
  readonly from: C;
}

/**
 * Defines a flow that works on many events in one call: for bulk lookups, or outputs that sum events up.
 *
 * @throws {TypeError} as {@linkcode defineFlow}
 *
 * @example
 * ```ts ignore
 * const pricing = defineBatchFlow({
 *   name: "pricing",
 *   from: orders,
 *   to: [priced],
 *   async transformBatch(orders) {
 *     const prices = await pricesOf(orders.map(({ item }) => item)); // one query for all
 *     return orders.map((order) => priced.event({ ...order, price: prices.get(order.item) ?? 0 }));
 *   },
 * });
 * ```
 */
export function defineBatchFlow<const C extends readonly AnyContract[]>(
  options: BatchFlowOptionsOfSeveral<C>,
): Flow<EventOf<C[number]>, never>;
/** Defines a batch flow from one topic. */
export function defineBatchFlow<T>(options: BatchFlowOptions<T>): Flow<T, never>;
export function defineBatchFlow<T>(
  { transformBatch, ...options }: BatchFlowOptions<T>,
): Flow<T, never> {
  const flow = defineFlow<T>({
    ...options,
    transform: (event, { record, attempt, signal, once }) =>
      transformBatch([event], { records: [record], attempt, signal, once }),
  });
  return { ...flow, transformBatch };
}
