/** The engine's ports over the simulated broker, for one process. */
import { unlessAborted } from "../../../src/engine/core/delay.ts";
import { namesIn } from "../../../src/engine/core/names.ts";
import {
  type AtomicWrite,
  type BatchBounds,
  type PartitionReader,
  TransactionError,
  type Transactions,
  type Transactor,
} from "../../../src/engine/core/ports.ts";
import type { TopicPartition } from "../../../src/engine/core/record.ts";
import type { RecordLog } from "../../../src/engine/dead_letters/record_log.ts";
import { type Broker, Concurrent, Fenced, Unstable } from "./broker.ts";
import { GroupError } from "./group.ts";
import type { Host } from "./world.ts";

const againMs = 20;

/** Asks until the broker does not say "ask again" any more. */
export async function patiently<T>(host: Host, act: () => T, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      const asked = host.request(act);
      return await (signal ? unlessAborted(asked, signal) : asked);
    } catch (error) {
      if (!(error instanceof Concurrent || error instanceof Unstable)) throw translated(error);
      await host.clock.delay(againMs, signal);
    }
  }
}

function translated(error: unknown): unknown {
  if (error instanceof Fenced) return new TransactionError("migrated", "fenced", { cause: error });
  if (error instanceof GroupError) {
    return new TransactionError("left-behind", error.reason, { cause: error });
  }
  if (error instanceof DOMException) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TransactionError("unknown", message, { cause: error });
}

/** Never retries a step whose outcome is not known; between its steps anything may happen. */
export function simulatedTransactions(host: Host, broker: Broker): Transactions {
  const { random } = host.world;
  return {
    async open(id, signal): Promise<Transactor> {
      const epoch = await patiently(host, () => broker.initProducerId(id), signal);
      return {
        transactionalId: id,
        async commit({ records, offsets, member }: AtomicWrite) {
          const steps = [
            () => patiently(host, () => broker.produce(id, epoch, records)),
            () => patiently(host, () => broker.sendOffsets(id, epoch, offsets, member)),
          ];
          if (random.chance(0.5)) steps.reverse();
          for (const step of steps) await step();
          await patiently(host, () => broker.endTransaction(id, epoch, "committed"));
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    async shutOut(id, signal) {
      await patiently(host, () => void (broker.hasId(id) && broker.initProducerId(id)), signal);
    },
    stableOffset: (_group, place, signal) =>
      patiently(host, () => broker.stableOffset(place), signal),
  };
}

/** Reads one partition; at its end it waits for more. */
export class SimulatedReader implements PartitionReader, AsyncDisposable {
  readonly topic: string;
  readonly partition: number;

  constructor(
    readonly host: Host,
    readonly broker: Broker,
    place: TopicPartition,
    public position = 0,
  ) {
    ({ topic: this.topic, partition: this.partition } = place);
  }

  seek(offset: number): void {
    this.position = offset;
  }

  /** So offsets name the topic that they count in, and those of others do not. */
  topicId(): Promise<string> {
    return Promise.resolve("the-topic-of-the-simulation");
  }

  range() {
    return patiently(this.host, () => this.broker.partition(this).range);
  }

  async next(bounds: BatchBounds, signal: AbortSignal) {
    const { host, broker } = this;
    for (;;) {
      signal.throwIfAborted();
      const from = this.position;
      let changes = 0;
      const fetch = () => {
        ({ changes } = broker);
        return broker.partition(this).read(from, bounds);
      };
      const batch = await patiently(host, fetch, signal)
        .catch(() => signal.throwIfAborted());
      if (!batch) continue;
      if (batch.nextOffset > from) {
        this.position = batch.nextOffset;
        return batch;
      }
      const { promise, resolve } = host.pending<void>();
      broker.onChange(changes, () => host.run(resolve));
      await unlessAborted(promise, signal);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** What loading the parked keys needs. */
export function simulatedLog(host: Host, broker: Broker): RecordLog {
  return {
    names: namesIn(),
    partitionCount: (topic) => patiently(host, () => broker.partitionCount(topic)),
    now: () => Promise.resolve(Date.now()),
    range: (place) => patiently(host, () => broker.partition(place).range),
    highWatermark: (place) => patiently(host, () => broker.partition(place).highWatermark),
    committedOffset: (_group, place) => patiently(host, () => broker.committedOffset(place)),
    openReader: (place, from) => Promise.resolve(new SimulatedReader(host, broker, place, from)),
  };
}
