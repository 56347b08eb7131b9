/**
 * The public surface of onceflow: define a flow over zod schemas, run it exactly once.
 *
 * ```ts ignore
 * const orders = topic("orders", { read: orderPlaced, key: (order) => order.order_id });
 * const shipments = topic("shipments", { read: shipmentPrepared, key: (shipment) => shipment.order_id });
 * const shipping = defineFlow({
 *   name: "shipping",
 *   from: orders,
 *   to: [shipments],
 *   transform: (order) => shipments.event({ order_id: order.order_id, weight_g: 250 }),
 * });
 * await run({ brokers: ["127.0.0.1:9092"], clientId: "shipping", ssl: false }, shipping, signal);
 * ```
 *
 * @module
 */
export { run } from "./flow/run.ts";
export { runFlowDefaults, type RunFlowOptions } from "./flow/run_flow.ts";
export type { DeadLetterReason } from "./core/dead_letter.ts";
export type { Burial } from "./core/dead_letter_log.ts";
export { DependencyDownError, HaltError, PoisonError, TransientError } from "./core/errors.ts";
export {
  defineFlow,
  type Emissions,
  type Flow,
  type FlowOptions,
  type TransformContext,
} from "./core/flow.ts";
export type { LaneObserver } from "./core/lane_observer.ts";
export type { TransactionVerdict } from "./core/ports.ts";
export {
  type Header,
  headerText,
  type InputRecord,
  textHeader,
  type TopicPartition,
  type UnreadRecords,
} from "./core/record.ts";
export { retryDefaults, type RetryPolicy } from "./core/retry_policy.ts";
export type { EventReading, EventSchema, SchemaError } from "./core/decode_event.ts";
export type { RecordContent } from "./core/json_text.ts";
export {
  type Emission,
  topic,
  type TopicContract,
  type TopicContractOptions,
} from "./core/topic_contract.ts";
export type { KafkaSettings } from "./kafka/kafka_client.ts";
export {
  createHealth,
  type DownOptions,
  type Health,
  type HealthCheck,
  type Readiness,
} from "./core/health.ts";
