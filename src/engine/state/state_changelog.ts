/**
 * The state of a flow: how a lane reads it back from the compacted topic `<consumer group>.state`, and when that is not
 * what stood with its offset. Knows no kafkajs, so that tests run it in memory.
 */
import { HaltError } from "../core/errors.ts";
import type { Flow } from "../core/flow.ts";
import { keyName, KeyTable } from "../core/key_table.ts";
import type { KeyedState } from "../core/keyed_state.ts";
import { parseOrigin } from "../core/offset_metadata.ts";
import type { CommittedOffset } from "../core/ports.ts";
import { readRange } from "../core/read_range.ts";
import { formatPartition, type TopicPartition } from "../core/record.ts";
import type { LaneState } from "../core/state.ts";
import { StatePlan } from "../core/state_plan.ts";
import type { RecordLog } from "../dead_letters/record_log.ts";

const decoder = new TextDecoder();

/** Bounds of the state that one process holds. */
export interface StateBounds {
  /** Of all partitions together, near enough. */
  readonly bytesMax: number;
  /** The largest value, bytes. */
  readonly valueBytesMax: () => number;
}

/** The topic that holds the state of a flow. */
export function stateTopicOf({ groupId }: Pick<Flow<unknown>, "groupId">): string {
  return `${groupId}.state`;
}

/** Opens the state of lanes of one flow in this process. */
export class StateChangelog {
  /** Of all lanes. */
  #bytes = 0;

  constructor(
    readonly log: RecordLog,
    readonly topic: string,
    readonly contract: KeyedState<unknown>,
    readonly bounds: StateBounds,
  ) {}

  lane(input: TopicPartition): LaneState {
    const place: TopicPartition = { topic: this.topic, partition: input.partition };
    const table = new KeyTable(this.contract.retentionMs, (change) => this.#bytes += change);
    let topicId: string | undefined;
    let loadedTo = 0;
    return {
      load: async (committed, signal) => {
        await this.#checkPartitions(input);
        const before = topicId;
        topicId = await this.log.topicId?.(this.topic);
        const { start } = await this.log.range(place);
        // Past it lies nothing of ours: whoever wrote below it was shut out, and its transactions have ended.
        const to = await this.log.highWatermark(place);
        if (topicId !== before || to < loadedTo) {
          table.clear();
          loadedTo = 0;
        }
        const from = Math.max(start, loadedTo);
        for await (const records of readRange(this.log, { ...place, from, to }, signal)) {
          for (const { key, value, timestamp } of records) {
            if (key === null) continue;
            const text = value === null ? undefined : decoder.decode(value);
            table.set(keyName(key), text === undefined ? undefined : { text, at: timestamp });
          }
          this.#checkMemory();
        }
        loadedTo = to;
        check(input, place, committed, originOf(topicId, table.size));
      },
      plan: () => {
        this.#checkMemory();
        const valueBytesMax = this.bounds.valueBytesMax();
        return new StatePlan(this.contract, table, { ...place, valueBytesMax });
      },
      origin: (keys) => originOf(topicId, keys),
      [Symbol.dispose]: () => table.clear(),
    };
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

function originOf(topicId: string | undefined, keys: number): string | undefined {
  return topicId === undefined ? undefined : `${topicId}/${keys}`;
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
  const reason = thenId === nowId
    ? `held ${thenKeys} keys with that offset and now holds ${nowKeys}: records of it were deleted, or a broker's disk ` +
      `was replaced`
    : `was deleted and made again (then ${thenId}, now ${nowId})`;
  throw new HaltError(
    `Cannot go on with ${
      formatPartition(input)
    } from offset ${offset}: the state of its keys is gone. ` +
      `${
        formatPartition(state)
      } ${reason}. Restore it from a copy; or rename the flow, which then works its input ` +
      `again from the start; or set the offset with "worker offsets set" to go on with what is there`,
  );
}
