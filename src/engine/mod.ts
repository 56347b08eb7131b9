/**
 * The public surface of onceflow: define a flow over zod schemas, run it exactly once.
 *
 * ```ts ignore
 * import { defineFlow, run, topic } from "@onceflow/onceflow";
 * import { z } from "zod";
 *
 * const parcel = z.object({ parcel_id: z.string(), items: z.int() });
 * const label = z.object({ parcel_id: z.string(), weight_g: z.int() });
 * const parcels = topic("parcels", { read: parcel, key: ({ parcel_id }) => parcel_id });
 * const labels = topic("labels", { read: label, key: ({ parcel_id }) => parcel_id });
 * const labelling = defineFlow({
 *   name: "labelling",
 *   from: parcels,
 *   to: [labels],
 *   transform: ({ parcel_id, items }) => labels.event({ parcel_id, weight_g: items * 250 }),
 * });
 * await run({ brokers: ["127.0.0.1:9092"], clientId: "labelling", ssl: false }, labelling, signal);
 * ```
 *
 * Needs `--allow-net` and `--allow-env=NODE_ENV,KAFKAJS_*`.
 *
 * @module
 */
export { run } from "./flow/run.ts";
export { runFlowDefaults, type RunFlowOptions } from "./flow/run_flow_options.ts";
export type { AnyFlow } from "./flow/run_flows.ts";
export type { Guarantee } from "./core/delivery.ts";
export type { DeadLetterReason } from "./core/dead_letter.ts";
export { type CloudEvent, cloudEventHeaders } from "./core/cloud_event.ts";
export type { DeadLettered } from "./core/dead_letter_log.ts";
export { DependencyDownError, HaltError, PoisonError, TransientError } from "./core/errors.ts";
export type { BatchContext, BatchTransform } from "./core/batch_transform.ts";
export {
  type BatchFlowOptions,
  type BatchFlowOptionsOfSeveral,
  type BatchFlowSettings,
  defineBatchFlow,
} from "./core/define_batch_flow.ts";
export {
  defineFlow,
  type Emissions,
  type Flow,
  type FlowOptions,
  type FlowOptionsOfSeveral,
  type FlowSettings,
  type TransformContext,
} from "./core/flow.ts";
export type { StartFrom } from "./core/first_start.ts";
export type { AnyContract, EventOf } from "./core/flow_inputs.ts";
export {
  type KeyedState,
  keyedState,
  type KeyedStateOptions,
  type KeyState,
} from "./core/keyed_state.ts";
export type { CommittedBatch, LaneObserver } from "./core/lane_observer.ts";
export type { TransactionObserver } from "./core/transaction_observer.ts";
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
export type { Emission, EmissionOptions } from "./core/emission.ts";
export type { FieldOf, PersonalData, Redaction } from "./core/personal.ts";
export { bytesTopic, type PlainTopicOptions, textTopic } from "./core/plain_topics.ts";
export type { Serde, SerdeContext } from "./core/serde.ts";
export type { StandardIssue, StandardResult, StandardSchema } from "./core/standard_schema.ts";
export {
  type SerdeTopicOptions,
  topic,
  type TopicContract,
  type TopicContractOptions,
} from "./core/topic_contract.ts";
export type { KafkaSettings } from "./kafka/kafka_client.ts";
export type { EndpointLogin, KafkaLogin, PasswordLogin, TokenLogin } from "./kafka/login.ts";
export type { KafkaTls } from "./kafka/tls.ts";
export {
  createHealth,
  type DownOptions,
  type Health,
  type HealthCheck,
  type Readiness,
} from "./core/health.ts";
export { version } from "./version.ts";
