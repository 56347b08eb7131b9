/** Decides which records of a partition are parked, and numbers them. Pure state; parking.ts has the argument. */
import type { LanePlace } from "../core/ports.ts";
import type { Names } from "../core/names.ts";
import type { DeadLetterReason } from "../core/dead_letter.ts";
import { keyName } from "../core/key_table.ts";
import type { Planned } from "../core/planned.ts";
import { headerText, type InputRecord } from "../core/record.ts";
import { parkedEntry, type ParkedQueue, type ParkedRecord } from "./parked_entry.ts";
import { type ParkedLink, parkedLink, parkedSkipHeader, withParkedLink } from "./parked_link.ts";
import type { ParkedKeys, ParkingPlan } from "../core/parking.ts";

/** The class of error of a dead letter that only follows another one of its key. */
export const parkedErrorClass = "ParkedKeyError";

/** A lane, and where what it parks is kept. */
export interface ParkedLane extends LanePlace {
  readonly deadLetters: string;
  readonly names: Names;
}

/** The state of a lane's keys from what was loaded. `queues` is by the key's bytes, as {@linkcode keyName} gives them. */
export function parkedKeys(
  lane: ParkedLane,
  queues: Map<string, ParkedQueue>,
  newName: () => string = () => crypto.randomUUID(),
  topicId?: string,
): ParkedKeys {
  return {
    topicId,
    get size() {
      return queues.size;
    },
    plan: () => new Plan(lane, queues, newName),
  };
}

/** What becomes of a record, before its transform is run. */
type Decision =
  | { readonly kind: "process" }
  | { readonly kind: "skip" }
  | { readonly kind: "park"; readonly reason: DeadLetterReason };

class Plan implements ParkingPlan {
  /** Queues as they will be; undefined for keys that will be free. */
  readonly #changed = new Map<string, ParkedQueue | undefined>();
  readonly #links = new Map<number, ParkedLink>();
  readonly #keys = new Map<string, Uint8Array>();

  constructor(
    readonly lane: ParkedLane,
    readonly queues: Map<string, ParkedQueue>,
    readonly newName: () => string,
  ) {}

  get size(): number {
    let { size } = this.queues;
    for (const [name, queue] of this.#changed) {
      size += Number(queue !== undefined) - Number(this.queues.has(name));
    }
    return size;
  }

  guard(
    record: InputRecord,
    plan: () => Planned | Promise<Planned>,
  ): Planned | Promise<Planned> {
    const { key } = record;
    if (key === null) return plan();
    const decision = this.#decide(record, key);
    switch (decision.kind) {
      case "park":
        return { kind: "dead-letter", reason: decision.reason };
      case "skip":
        this.#succeed(key);
        return { kind: "emit", emissions: [] };
      case "process": {
        const planned = plan();
        if (!(planned instanceof Promise)) return this.#settle(record, key, planned);
        return planned.then((outcome) => this.#settle(record, key, outcome));
      }
      default:
        return decision satisfies never;
    }
  }

  numbered(record: InputRecord): InputRecord {
    const link = this.#links.get(record.offset);
    if (!link) return record;
    const { topic, partition, offset, timestamp, key, value, headers } = record;
    const linked = withParkedLink(headers, link);
    return { topic, partition, offset, timestamp, key, value, headers: linked };
  }

  entries(): readonly ParkedRecord[] {
    return [...this.#changed].flatMap(([name, queue]) => {
      const key = this.#keys.get(name);
      return key ? [parkedEntry(this.lane.names, this.lane, key, queue)] : [];
    });
  }

  committed(): void {
    for (const [name, queue] of this.#changed) {
      if (queue) this.queues.set(name, queue);
      else this.queues.delete(name);
    }
    this.#changed.clear();
  }

  #decide(record: InputRecord, key: Uint8Array): Decision {
    const queue = this.#queue(key);
    if (!queue) return { kind: "process" };
    const link = linkOf(record, queue);
    if (link?.number === queue.done) {
      const skip = headerText(record.headers, parkedSkipHeader) !== undefined;
      return { kind: skip ? "skip" : "process" };
    }
    // A number that is done already came by an operator's wish a second time: it waits behind all others.
    const kept = link && link.number > queue.done ? link : this.#append(key, queue);
    this.#links.set(record.offset, kept);
    const error = `number ${kept.number} behind the dead letter of its key from offset ` +
      `${queue.since}; "deno task dlq unpark" sends them back in order`;
    const { groupId } = this.lane;
    return {
      kind: "park",
      reason: { errorClass: parkedErrorClass, error, attempts: 0, groupId },
    };
  }

  #settle(record: InputRecord, key: Uint8Array, outcome: Planned): Planned {
    if (outcome.kind === "emit") this.#succeed(key);
    else this.#fail(record, key);
    return outcome;
  }

  #succeed(key: Uint8Array): void {
    const queue = this.#queue(key);
    if (!queue) return;
    const done = queue.done + 1;
    this.#change(key, done === queue.length ? undefined : { ...queue, done });
  }

  #fail(record: InputRecord, key: Uint8Array): void {
    // Where there is a queue its turn had come: it keeps the number that it carries, and nothing behind it may pass.
    if (this.#queue(key)) return;
    const { deadLetters } = this.lane;
    const name = this.newName();
    this.#change(key, { queue: name, length: 1, done: 0, since: record.offset, deadLetters });
    this.#links.set(record.offset, { queue: name, number: 0 });
  }

  #append(key: Uint8Array, queue: ParkedQueue): ParkedLink {
    this.#change(key, { ...queue, length: queue.length + 1 });
    return { queue: queue.queue, number: queue.length };
  }

  #queue(key: Uint8Array): ParkedQueue | undefined {
    // The common case costs nothing: no key of this partition is parked.
    if (this.queues.size === 0 && this.#changed.size === 0) return undefined;
    const name = keyName(key);
    return this.#changed.has(name) ? this.#changed.get(name) : this.queues.get(name);
  }

  #change(key: Uint8Array, queue: ParkedQueue | undefined): void {
    const name = keyName(key);
    this.#changed.set(name, queue);
    this.#keys.set(name, key.slice());
  }
}

/** The record's number in this queue; a number in another queue means nothing here. */
function linkOf({ headers }: InputRecord, { queue }: ParkedQueue): ParkedLink | undefined {
  const link = parkedLink(headers);
  return link?.queue === queue ? link : undefined;
}
