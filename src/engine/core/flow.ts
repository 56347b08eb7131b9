/** Makes a flow of what a user says of it: checks it, and fills in the defaults. Knows nothing of Kafka. */
import type { BatchTransform } from "./batch_transform.ts";
import { type AnyContract, type EventOf, oneOf } from "./flow_inputs.ts";
import type { FlowOptions, FlowOptionsOfSeveral, FlowSettings } from "./flow_settings.ts";
import { type Names, namesIn } from "./names.ts";
import { retryDefaults, type RetryPolicy } from "./retry_policy.ts";
import type { TopicContract } from "./topic_contract.ts";

export type {
  Emissions,
  FlowOptions,
  FlowOptionsOfSeveral,
  FlowSettings,
  TransformContext,
} from "./flow_settings.ts";

/** A flow with its defaults filled in. */
// deno-lint-ignore no-explicit-any -- whoever runs a flow does not look into its state
export interface Flow<T, S = any> extends Omit<FlowOptions<T, S>, "retry"> {
  /** What it reads; of several inputs one that reads each record by the contract of its topic. */
  readonly from: TopicContract<T>;
  /** The topics that it reads. */
  readonly inputs: readonly AnyContract[];
  /** The consumer group. */
  readonly groupId: string;
  /** Whether the group was named by whoever defined the flow. */
  readonly namesGroup: boolean;
  /** Whether the dead-letter topic was named by whoever defined the flow. */
  readonly namesDeadLetters: boolean;
  /** How often a record is tried again. */
  readonly retry: RetryPolicy;
  /** The dead-letter topic; of several inputs that of the first. */
  readonly deadLetters: string;
  /** The dead-letter topic of an input. */
  deadLettersOf(input: string): string;
  /** Works on many events in one call; `transform` is the same for one. Of a batch flow only. */
  readonly transformBatch?: BatchTransform<T>;
  /** Events worked on at a time. */
  readonly concurrencyMax: number;
}

const defaults = namesIn();
const namePattern = /^[A-Za-z0-9._-]{1,100}$/;

/**
 * Defines a flow: an exactly-once step from one topic, or several, to others.
 *
 * @throws {TypeError} when the name cannot be part of a consumer group's name, the group's is empty or holds "/", the time to
 * start from is none, the flow writes to an input of its own, or input and name together are too long for the name of the
 * dead-letter topic
 *
 * @example
 * ```ts ignore
 * const shipping = defineFlow({
 *   name: "shipping",
 *   from: orders,
 *   to: [shipments],
 *   transform: (order) => shipments.event({ order_id: order.order_id, weight_g: 250 }),
 * });
 * ```
 */
export function defineFlow<const C extends readonly AnyContract[], S = never>(
  options: FlowOptionsOfSeveral<C, S>,
): Flow<EventOf<C[number]>, S>;
/** Defines a flow from one topic. */
export function defineFlow<T, S = never>(options: FlowOptions<T, S>): Flow<T, S>;
export function defineFlow<T, S>(
  options: FlowSettings<T, S> & { readonly from: AnyContract | readonly AnyContract[] },
): Flow<T, S> {
  const { name, to } = options;
  const inputs = "decode" in options.from ? [options.from] : options.from;
  if (!namePattern.test(name)) {
    throw new TypeError(
      `Cannot define flow ${JSON.stringify(name)}: use letters, digits, ".", "_" and "-"`,
    );
  }
  checkStart(options);
  const from = oneOf<T>(name, inputs);
  const written = [...to.map((contract) => contract.name), options.deadLetters];
  for (const input of inputs) {
    if (!written.includes(input.name)) continue;
    throw new TypeError(`Cannot define flow "${name}": it writes to its own input ${input.name}`);
  }
  return {
    ...options,
    ...{ from, inputs },
    groupId: options.groupId ?? defaults.group(name),
    namesGroup: options.groupId !== undefined,
    namesDeadLetters: options.deadLetters !== undefined,
    retry: { ...retryDefaults, ...options.retry },
    ...deadLettersOf(inputs, (input) => options.deadLetters ?? defaults.deadLetters(input, name)),
    concurrencyMax: options.concurrencyMax ?? 64,
  };
}

function checkStart(
  { name, groupId, startFrom }: Pick<FlowOptions<unknown>, "name" | "groupId" | "startFrom">,
): void {
  if (groupId !== undefined && !/^[^/\p{Cc}]{1,200}$/u.test(groupId)) {
    throw new TypeError(
      `Cannot define flow "${name}": its groupId ${JSON.stringify(groupId)} must have 1 to 200 ` +
        `characters, and no "/" among them`,
    );
  }
  if (typeof startFrom === "object" && !(startFrom.timestamp.getTime() >= 0)) {
    throw new TypeError(`Cannot define flow "${name}": startFrom.timestamp is no time since 1970`);
  }
}

function deadLettersOf(
  [first]: readonly AnyContract[],
  deadLettersOf: (input: string) => string,
): Pick<Flow<unknown>, "deadLetters" | "deadLettersOf"> {
  return { deadLetters: deadLettersOf(first?.name ?? ""), deadLettersOf };
}

/** The flow as it is called there: its group, and its dead-letter topics. What somebody named himself stays. */
export function inNamespace<T, S>(flow: Flow<T, S>, names: Names): Flow<T, S> {
  const { name, inputs, namesDeadLetters } = flow;
  const isNamed = flow.namesGroup || flow.groupId !== defaults.group(name);
  return {
    ...flow,
    groupId: isNamed ? flow.groupId : names.group(name),
    ...!namesDeadLetters && deadLettersOf(inputs, (input) => names.deadLetters(input, name)),
  };
}
