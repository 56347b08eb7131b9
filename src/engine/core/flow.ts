/** What a user writes: input topics, a transform, the topics it emits to. Knows nothing of Kafka. */
import type { KeyedState, KeyState } from "./keyed_state.ts";
import type { StartFrom } from "./first_start.ts";
import { type Names, namesIn } from "./names.ts";
import type { Emission } from "./emission.ts";
import type { Header, InputRecord } from "./record.ts";
import { retryDefaults, type RetryPolicy } from "./retry_policy.ts";
import { type AnyContract, type EventOf, oneOf } from "./flow_inputs.ts";
import type { TopicContract } from "./topic_contract.ts";

/** What a transform may know beside the event. */
export interface TransformContext<S = never> {
  /** The record as it was read: bytes untouched, topic, partition and offset. */
  readonly record: InputRecord;
  /** The record's key as text, what is no UTF-8 replaced (its bytes: `record.key`); null for none. */
  readonly key: string | null;
  /** The record's headers, in order; names may repeat. */
  readonly headers: readonly Header[];
  /** When the record was written or happened, milliseconds since the epoch, as the broker gave it. */
  readonly timestamp: number;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Fires when the worker stops or the partition moves: give up then. */
  readonly signal: AbortSignal;
  /** The text of the last header of that name; undefined where there is none. */
  header(name: string): string | undefined;
  /**
   * Looks something up once per transaction and name, whichever records ask for it. A lookup that fails is not kept.
   */
  once<T>(name: string, look: () => Promise<T>): Promise<T>;
  /** What is kept for the record's key, where the flow has a `state`. */
  readonly state: KeyState<S>;
}

/** Nothing (which filters), one event, or several, for one topic or many (which fans out): all count together. */
export type Emissions = Emission | readonly Emission[] | undefined | void;

/** What a flow is, but for its input. */
export interface FlowSettings<T, S = never> {
  /** Names the consumer group (`<namespace>.<name>`) and the transactional ids: renaming starts the flow anew. */
  readonly name: string;
  /**
   * The consumer group in the place of `<namespace>.<name>`, used as it is in every namespace; no "/". With it a flow goes on
   * where another consumer of that group has stopped, if `takeOver` says so.
   */
  readonly groupId?: string;
  /**
   * Where the group begins with a partition of which it has committed nothing: `earliest` where absent. What was chosen is
   * committed before a record is read, so that no crash passes records over; a partition that is added to the topic later is
   * read from its beginning. `halt` leaves it to a person (`worker offsets set`).
   */
  readonly startFrom?: StartFrom;
  /**
   * Goes on from an offset that another consumer of the group has committed, once: at the flow's first start on that
   * partition. Without it the lane halts there, and so it does later when somebody else has moved the offset. The other
   * consumer must have stopped, and committed what it has processed. Needs the guarantee exactly-once.
   */
  readonly takeOver?: boolean;
  /** Every topic that the transform may emit to; each must exist when the worker starts. */
  readonly to: readonly AnyContract[];
  /**
   * One event in, its consequences out. It may run again for the same event after a crash, a rebalance or a retry: what
   * it emits counts once, what it does elsewhere does not. `PoisonError` makes a dead letter at once,
   * `DependencyDownError` makes the lane wait, anything else is retried and then makes a dead letter.
   */
  transform(event: T, context: TransformContext<S>): Emissions | Promise<Emissions>;
  /** Three retries after 0.5, 1 and 2 seconds where absent. */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Where records go that cannot be processed. Where absent each input has its own, `<input>.DLQ`, behind a namespace other
   * than `onceflow`.
   */
  readonly deadLetters?: string;
  /**
   * `key`: once a record is a dead letter, later records of its key follow it to the dead letters until the key is unparked
   * (`dlq unpark`), so that order per key holds through failures too. Where absent they pass it. Of several inputs each
   * has its own keys.
   */
  readonly park?: "key";
  /** What is kept for each key, in the transaction of outputs and offset. Needs the guarantee exactly-once. */
  readonly state?: KeyedState<S>;
  /** How many events of different keys an asynchronous transform works on at a time. */
  readonly concurrencyMax?: number;
}

/** The options of {@linkcode defineFlow}. */
export interface FlowOptions<T, S = never> extends FlowSettings<T, S> {
  /** The topic that it reads. */
  readonly from: TopicContract<T>;
}

/**
 * The options of {@linkcode defineFlow} for several inputs. The event is one of any of theirs; `context.record.topic` says of
 * which. Each partition of each input is processed in its own order, and beside the others.
 */
export interface FlowOptionsOfSeveral<C extends readonly AnyContract[], S = never>
  extends FlowSettings<EventOf<C[number]>, S> {
  /** The topics that it reads. */
  readonly from: C;
}

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
  /** Events worked on at a time. */
  readonly concurrencyMax: number;
}

const defaults = namesIn();
const namePattern = /^[A-Za-z0-9._-]{1,100}$/;

/**
 * Defines a flow: an exactly-once step from one topic, or several, to others.
 *
 * @throws {TypeError} when the name cannot be part of a consumer group's name, the group's is empty or holds "/", the time to
 * start from is none, or the flow writes to an input of its own
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
    ...deadLettersOf(inputs, (input) => options.deadLetters ?? defaults.deadLetters(input)),
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
    ...!namesDeadLetters && deadLettersOf(inputs, names.deadLetters),
  };
}
