/**
 * The state of a flow: how a lane reads it back from the compacted topic `<consumer group>.state`, and when that is not
 * what stood with its offset. Knows no kafkajs, so that tests run it in memory.
 */
import { HaltError } from "../core/errors.ts";
import type { Flow } from "../core/flow.ts";
import { KeyTable } from "../core/key_table.ts";
import type { KeyedState } from "../core/keyed_state.ts";
import { parseOrigin } from "../core/offset_metadata.ts";
import { type CommittedOffset, TransactionError } from "../core/ports.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { LaneState } from "../core/state.ts";
import { StatePlan } from "../core/state_plan.ts";
import type { RecordLog } from "../dead_letters/record_log.ts";
import { SharedState } from "./shared_state.ts";

/** In the place of a number of keys. */
const uncounted = "-";

/** Room for key and framing of a record that holds a key's state. */
export const framingBytes = 4_096;

/** Bounds of the state that one process holds. */
export interface StateBounds {
  /** Of all partitions together, near enough. */
  readonly bytesMax: number;
  /** The largest value, bytes. */
  readonly valueBytesMax: () => number;
  /** The cluster's time, milliseconds since the epoch. */
  readonly now: () => number;
}

/** The topic that holds the state of a flow. */
export function stateTopicOf({ groupId }: Pick<Flow<unknown>, "groupId">): string {
  return `${groupId}.state`;
}

/** Of one flow in this process; undefined where the flow keeps no state. */
export function openStateChangelog<T>(
  log: RecordLog,
  flow: Pick<Flow<T>, "groupId" | "inputs" | "state">,
  bounds: StateBounds,
): StateChangelog | undefined {
  const inputs = flow.inputs.map(({ name }) => name);
  return flow.state && new StateChangelog(log, stateTopicOf(flow), inputs, flow.state, bounds);
}

/** Opens the state of lanes of one flow. */
export class StateChangelog {
  /** Of all lanes. */
  #bytes = 0;
  readonly #shared = new Map<number, SharedState>();

  /** `inputs` are the topics that the flow reads: lanes with the same partition of each share what is kept for its keys. */
  constructor(
    readonly log: RecordLog,
    readonly topic: string,
    readonly inputs: readonly string[],
    readonly contract: KeyedState<unknown>,
    readonly bounds: StateBounds,
  ) {}

  lane(input: TopicPartition): LaneState {
    const { partition } = input;
    const shared = this.#shared.get(partition) ?? this.#open(partition);
    this.#shared.set(partition, shared);
    shared.lanes++;
    return {
      load: async (committed, signal) => {
        using _held = await shared.hold(signal);
        await this.#checkPartitions(input);
        await shared.load(this.log, signal, () => this.#checkMemory());
        check(input, shared.place, committed, this.#origin(shared, shared.table));
      },
      async hold(signal) {
        const held = await shared.hold(signal);
        if (!shared.isDoubtful) return held;
        held[Symbol.dispose]();
        throw new TransactionError(
          "unknown",
          "another input's commit of the same keys has failed",
          {
            begun: false,
          },
        );
      },
      plan: () => {
        this.#checkMemory();
        const place = { ...shared.place, valueBytesMax: this.bounds.valueBytesMax() };
        return new StatePlan(this.contract, shared.table, place, this.bounds.now());
      },
      doubt: () => void (shared.isDoubtful = true),
      origin: (keys) => this.#origin(shared, keys),
      [Symbol.dispose]: () => {
        if (--shared.lanes > 0) return;
        shared.table.clear();
        this.#shared.delete(partition);
      },
    };
  }

  #open(partition: number): SharedState {
    const table = new KeyTable(this.contract.retentionMs, (change) => this.#bytes += change);
    return new SharedState({ topic: this.topic, partition }, table);
  }

  /** Of several inputs each offset stands with what the others had added until then: how many keys tells nothing. */
  #origin({ topicId }: SharedState, keys: { readonly size: number }): string | undefined {
    if (topicId === undefined) return undefined;
    return `${topicId}/${this.inputs.length === 1 ? keys.size : uncounted}`;
  }

  async #checkPartitions({ topic }: TopicPartition): Promise<void> {
    const [inputs, states] = await Promise.all([
      this.log.partitionCount(topic),
      this.log.partitionCount(this.topic),
    ]);
    if (states === undefined) {
      throw new HaltError(
        `Topic ${this.topic}, which holds the state of the flow, does not exist any more. Restore it, or start the ` +
          `worker again: it makes the topic, and each partition that had state says what to do`,
      );
    }
    checkCounts({ topic, partitions: inputs }, { topic: this.topic, partitions: states });
  }

  #checkMemory(): void {
    const { bytesMax } = this.bounds;
    if (this.#bytes <= bytesMax) return;
    throw new HaltError(
      `The state of the partitions that this process has takes ${this.#bytes} bytes of memory, over stateBytesMax ` +
        `(${bytesMax}). Run more workers, so that each has fewer partitions, raise stateBytesMax, or give the state a ` +
        `retentionMs`,
    );
  }
}

/** @throws {HaltError} when keys can have moved to partitions where their state is not */
export function checkCounts(
  input: { readonly topic: string; readonly partitions: number | undefined },
  state: { readonly topic: string; readonly partitions: number | undefined },
): void {
  if (input.partitions === undefined || input.partitions === state.partitions) return;
  throw new HaltError(
    `${input.topic} has ${input.partitions} partitions and ${state.topic}, which holds the state of its keys, has ` +
      `${state.partitions}. Where partitions were added, keys have moved to partitions that do not know their state. ` +
      `Give ${state.topic} as many partitions (kafka-topics.sh --alter) if keys that have moved may begin anew; or ` +
      `rename the flow to work all of ${input.topic} again`,
  );
}

/** What was committed beside the offset says which topic held the state then, and of how many keys. */
function check(
  input: TopicPartition,
  state: TopicPartition,
  { offset, metadata }: CommittedOffset,
  found: string | undefined,
): void {
  const { changelog } = parseOrigin(metadata);
  if (changelog === undefined || found === undefined || changelog === found) return;
  const [thenId, thenKeys] = changelog.split("/");
  const [nowId, nowKeys] = found.split("/");
  if (thenId === nowId && (thenKeys === uncounted || nowKeys === uncounted)) return;
  const reason = thenId === nowId
    ? `held ${thenKeys} keys with that offset and now holds ${nowKeys}: records of it were deleted, or a broker's disk ` +
      `was replaced`
    : `was deleted and recreated (then ${thenId}, now ${nowId})`;
  throw new HaltError(
    `Cannot go on with ${
      formatPartition(input)
    } from offset ${offset}: the state of its keys is gone. ` +
      `${
        formatPartition(state)
      } ${reason}. Restore it from a copy; or rename the flow, which then works its input ` +
      `again from the start; or set the offset with "deno task worker offsets set" to go on with what is there`,
  );
}
