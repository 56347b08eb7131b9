/** An entry of the compacted topic `<namespace>.parked`: how far one key's queue has come. Pure. */
import { z } from "../packages/zod.ts";
import type { Names } from "../core/names.ts";
import { onlyPartition } from "../core/only_partition.ts";
import type { LanePlace } from "../core/ports.ts";
import type { InputRecord, OutputRecord } from "../core/record.ts";

/** The queue of one parked key. */
export interface ParkedQueue {
  /** Its own name: a key that is parked a second time has another one. */
  readonly queue: string;
  /** How many numbers were given. */
  readonly length: number;
  /** How many of them, from 0 on, have succeeded. */
  readonly done: number;
  /** The offset in the input partition of the record whose failure parked the key. */
  readonly since: number;
  /** The dead-letter topic that holds its records. */
  readonly deadLetters: string;
}

/** A parked key of any lane. */
export interface ParkedKey extends LanePlace, ParkedQueue {
  /** The key. */
  readonly key: Uint8Array;
}

/** An entry to be written, in bytes. */
export type ParkedRecord = OutputRecord & Pick<InputRecord, "key" | "value">;

const shape: z.ZodType<ParkedQueue> = z.object({
  queue: z.uuid(),
  length: z.number().int().positive(),
  done: z.number().int().nonnegative(),
  since: z.number().int().nonnegative(),
  deadLetters: z.string().min(1),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const slash = 0x2f;

/** The record that notes where this queue stands; without a queue, that the key is free. */
export function parkedEntry(
  names: Names,
  lane: LanePlace,
  key: Uint8Array,
  queue: ParkedQueue | undefined,
): ParkedRecord {
  const { groupId, topic, partition } = lane;
  const prefix = encoder.encode(`${groupId}/${topic}/${partition}/`);
  const name = new Uint8Array(prefix.length + key.length);
  name.set(prefix);
  name.set(key, prefix.length);
  return {
    ...onlyPartition(names.parked),
    key: name,
    value: queue ? encoder.encode(JSON.stringify(queue)) : null,
    headers: [],
  };
}

/** What an entry says. @throws when it is not one of ours: going on would lose the order of a key */
export function readParkedEntry(
  { key: name, value }: Pick<InputRecord, "key" | "value">,
): LanePlace & { readonly key: Uint8Array; readonly queue: ParkedQueue | undefined } {
  const ends: number[] = [];
  for (let at = name?.indexOf(slash) ?? -1; name && at >= 0 && ends.length < 3;) {
    ends.push(at);
    at = name.indexOf(slash, at + 1);
  }
  const [first, second, third] = ends;
  if (!name || first === undefined || second === undefined || third === undefined) {
    throw new Error(`Cannot read an entry of the parked keys: its key is not of the known form`);
  }
  return {
    groupId: decoder.decode(name.subarray(0, first)),
    topic: decoder.decode(name.subarray(first + 1, second)),
    partition: Number(decoder.decode(name.subarray(second + 1, third))),
    key: name.slice(third + 1),
    queue: value === null ? undefined : shape.parse(JSON.parse(decoder.decode(value))),
  };
}
