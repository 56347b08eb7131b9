/** Starts the load of a measurement in a process of its own, and knows when each of its events was due. */
import { type BenchContext, ownProcess } from "./context.ts";
import { type LoadEvent, loadEventSchema } from "./load_job.ts";
import { MeasuredProcess } from "./measured_process.ts";

/** Load that runs. */
export interface RunningLoad extends AsyncDisposable {
  /** When the event of that number was due, microseconds since the epoch. */
  dueMicros(number: number): number;
  /** Resolves when all were sent; `acked_p99_ms` is of the sends alone. */
  readonly sent: Promise<Extract<LoadEvent, { event: "sent" }>>;
}

/** What to send where. */
export interface LoadOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly rate: number;
  readonly from: number;
  readonly count: number;
}

/** Resolves once the schedule is set. */
export async function startLoad(
  { services }: BenchContext,
  options: LoadOptions,
): Promise<RunningLoad> {
  const started = Promise.withResolvers<number>();
  const sent = Promise.withResolvers<Extract<LoadEvent, { event: "sent" }>>();
  const child = new MeasuredProcess(
    ownProcess("load_child.ts"),
    { ...options, kafka: services.kafka },
    undefined,
    (line) => {
      if (!line.startsWith("{")) return;
      const event = loadEventSchema.parse(JSON.parse(line));
      if (event.event === "started") started.resolve(event.at_ms);
      else sent.resolve(event);
    },
  );
  child.ended.then(() => {
    const error = new Error(`the load ended early: ${child.complaint}`);
    started.reject(error);
    sent.reject(error);
  });
  sent.promise.catch(() => {});
  const startedMs = await started.promise;
  const { from, rate } = options;
  return {
    dueMicros: (number) => startedMs * 1_000 + (number - from) * 1_000_000 / rate,
    sent: sent.promise,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
