/** State that a flow keeps for each key: what a user declares, and what a transform is given. Owns no I/O. */
import type { EventSchema } from "./decode_event.ts";

/** The state of the key of the record that is worked on. */
export interface KeyState<S> {
  /**
   * What was kept last for this key, by this record or by one before it in the partition; undefined where there is
   * nothing. Each call gives a value of its own: to change it takes `set`.
   *
   * @throws {PoisonError} when the record has no key
   * @throws {HaltError} when what is kept does not fit the schema any more
   */
  get(): S | undefined;
  /**
   * Keeps the value from here on; it counts when the record's outputs do, and is dropped with them.
   *
   * @throws {PoisonError} when the record has no key, or the value is too large for a record of the state's topic
   */
  set(value: S): void;
  /** Forgets the key. */
  delete(): void;
}

/** What is kept for each key, and for how long. */
export interface KeyedStateOptions<S> {
  /** For reading what is kept: unknown fields pass, missing ones take their defaults. JSON. */
  readonly read: EventSchema<S>;
  /** For `set`; what it refuses is a bug of the transform. The reading schema where absent. */
  readonly write?: EventSchema<S>;
  /**
   * A key to which nothing was written for longer is forgotten, milliseconds by the timestamps of records. For ever where
   * absent: then the keys must be few enough to be held in memory, all that this process has partitions of.
   */
  readonly retentionMs?: number;
}

/** A declared state; `state` of a flow takes it. */
export interface KeyedState<S> extends Required<KeyedStateOptions<S>> {}

/**
 * Declares the state that a flow keeps for each key of its input. It is written to a compacted topic,
 * `<consumer group>.state`, in the transaction that commits outputs and offset, and read back by whoever takes a partition
 * over: Kafka Streams calls that a store with a changelog. So it stands exactly where the committed offset stands.
 *
 * @throws {TypeError} when `retentionMs` is no positive number
 *
 * @example
 * ```ts ignore
 * const counting = defineFlow({
 *   name: "counting",
 *   from: visits,
 *   to: [counts],
 *   state: keyedState({ read: z.object({ count: z.int() }) }),
 *   transform({ page }, { state }) {
 *     const count = (state.get()?.count ?? 0) + 1;
 *     state.set({ count });
 *     return counts.event({ page, count });
 *   },
 * });
 * ```
 */
export function keyedState<S>(
  { read, write = read, retentionMs = Infinity }: KeyedStateOptions<S>,
): KeyedState<S> {
  if (!(retentionMs > 0)) {
    throw new TypeError(`Cannot keep state for ${retentionMs} ms: retentionMs must be above 0`);
  }
  return { read, write, retentionMs };
}
