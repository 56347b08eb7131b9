/** What a user says of a flow: input topics, a transform, the topics it emits to. Holds no code, and knows nothing of Kafka. */
import type { Guarantee } from "./delivery.ts";
import type { Emission } from "./emission.ts";
import type { StartFrom } from "./first_start.ts";
import type { AnyContract, EventOf } from "./flow_inputs.ts";
import type { KeyedState, KeyState } from "./keyed_state.ts";
import type { Header, InputRecord } from "./record.ts";
import type { RetryPolicy } from "./retry_policy.ts";
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
  /**
   * Every topic that the transform may emit to; each must exist when the worker starts. An emission to another one halts
   * the flow.
   */
  readonly to: readonly AnyContract[];
  /**
   * One event in, its consequences out. It may run again for the same event after a crash, a rebalance or a retry: what
   * it emits counts once, what it does elsewhere does not. `PoisonError` makes a dead letter at once,
   * `DependencyDownError` makes the lane wait, anything else is retried and then makes a dead letter.
   */
  transform(event: T, context: TransformContext<S>): Emissions | Promise<Emissions>;
  /** Three retries after 0.5, 1 and 2 seconds where absent; `backoffMsMax` is the longest pause, 30 seconds. */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * `exactly-once` where absent. Whoever runs the flow may say it again, but not otherwise: a flow that must not happen twice
   * is not run at least once by mistake.
   */
  readonly guarantee?: Guarantee;
  /**
   * Where records go that cannot be processed. Where absent each input of each flow has its own, `<input>.<flow>.DLQ`, behind
   * a namespace other than `onceflow` (once, where the input's name begins with it).
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
  /**
   * Called once a run, before it joins its group: opens what the transform needs, such as a pool, or warms a serde's registry
   * up. What it throws ends the run. The signal fires when the run is to stop.
   */
  onStart?(signal: AbortSignal): void | Promise<void>;
  /**
   * Called once a run for which `onStart` has succeeded, whatever ends it, when no transform is begun any more and the group is
   * left. One that ignores its signal may still be at work; nothing of it counts. What it throws is logged.
   */
  onStop?(): void | Promise<void>;
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
