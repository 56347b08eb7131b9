/** What the simulated flow reads, and who writes it. */
import { z } from "zod";
import { partitionForKey } from "../../../src/engine/core/partition_for_key.ts";
import { formatPartition } from "../../../src/engine/core/record.ts";
import type { Broker } from "./broker.ts";
import type { World } from "./world.ts";

/** A record of it. */
export const event = z.object({
  key: z.string(),
  id: z.string(),
  /** How many of its key were processed, where the flow keeps count. */
  count: z.int().optional(),
  does: z.enum(["one", "two", "none", "flaky", "poison"]),
});
/** One of {@linkcode event}. */
export type Event = z.output<typeof event>;

const keys = Array.from({ length: 9 }, (_, number) => `k${number}`);

/** Writes records of a few keys; some in transactions of its own, of which some are aborted. */
export class Producer {
  produced = 0;
  /** By partition: how many it has. */
  readonly #count = new Map<string, number>();

  constructor(readonly world: World, readonly broker: Broker, readonly inputs: readonly string[]) {}

  burst(): void {
    const { world: { random, time }, broker } = this;
    const transaction = random.chance(0.2) ? {} : undefined;
    const touched = Array.from({ length: random.integer(1, 6) }, () => this.#append(transaction));
    broker.changed();
    if (!transaction) return;
    const outcome = random.pick(["committed", "aborted"] as const);
    time.after(random.integer(1, 1_500), () => {
      for (const partition of touched) partition.end(transaction, outcome);
      broker.changed();
    });
  }

  #append(transaction?: object) {
    const { world: { random, time }, broker } = this;
    const key = random.pick(keys);
    const topic = this.inputs.length === 1 ? "in" : random.pick(this.inputs);
    const place = { topic, partition: partitionForKey(key, broker.partitions) };
    const does = random.weighted(
      [
        { does: "one", weight: 6 },
        { does: "two", weight: 2 },
        { does: "none", weight: 1 },
        { does: "flaky", weight: 1 },
        { does: "poison", weight: 1 },
      ] as const,
    ).does;
    const name = formatPartition(place);
    const number = this.#count.get(name) ?? 0;
    this.#count.set(name, number + 1);
    this.produced++;
    const value = JSON.stringify({ key, id: `${name}-${number}`, does });
    const partition = broker.partition(place);
    partition.append({ key, value, headers: [] }, time.now, { transaction });
    return partition;
  }
}
