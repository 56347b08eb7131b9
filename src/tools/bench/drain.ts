/** One drain: processes empty a filled topic as fast as they can; its figures, and a check of what came out. */
import { checkOutput, isPerfect, type OutputCheck } from "./check_output.ts";
import type { Job, Progress } from "./job.ts";
import { type MeasuredCommand, MeasuredProcess } from "./measured_process.ts";
import type { Probe } from "./probe.ts";

/** The figures of one drain. */
export interface DrainFigures {
  readonly records: number;
  /** From the first record in a transform to the last commit. */
  readonly seconds: number;
  readonly recordsPerSecond: number;
  /** All processes together, microseconds. */
  readonly cpuMicrosPerRecord: number;
  /** The same two over the last two thirds, when a runtime that compiles as it goes is warm. */
  readonly warmRecordsPerSecond: number;
  readonly warmCpuMicrosPerRecord: number;
  readonly rssMiBMax: number;
  readonly check: OutputCheck;
}

/** What to drain and with what. */
export interface DrainOptions {
  readonly command: MeasuredCommand;
  readonly processes: number;
  readonly job: Job;
  /** The outputs are verified record by record; a peer's or a weak guarantee's may not be perfect. */
  readonly signal: AbortSignal;
  /** A drain that makes no progress for so long has failed, milliseconds. */
  readonly stallMsMax: number;
  readonly onProgress?: (records: number) => void;
}

/**
 * Runs it. The output topic must exist and be empty, the input hold `job.records` events.
 *
 * @throws when a process ends early or nothing moves any more
 */
export async function drain(probe: Probe, options: DrainOptions): Promise<DrainFigures> {
  const { job, processes, signal } = options;
  const done = Promise.withResolvers<void>();
  const last = new Map<number, Progress>();
  const total = () => [...last.values()].reduce((sum, { records }) => sum + records, 0);
  const started: MeasuredProcess[] = [];
  const stalled = () =>
    done.reject(
      new Error(
        `it stood still at ${total()} of ${job.records} records for ${
          options.stallMsMax / 1_000
        } s`,
      ),
    );
  let timer = setTimeout(stalled, options.stallMsMax);
  const onAbort = () => done.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  done.promise.catch(() => {});
  try {
    for (let index = 0; index < processes; index++) {
      // With several processes none knows when all are done: they run until they are told.
      const own = processes === 1 ? job : { ...job, records: 0 };
      const child = new MeasuredProcess(options.command, own, (progress) => {
        last.set(index, progress);
        clearTimeout(timer);
        timer = setTimeout(stalled, options.stallMsMax);
        options.onProgress?.(total());
        if (total() >= job.records) done.resolve();
      });
      started.push(child);
      child.ended.then(({ code }) => {
        if (total() >= job.records) return;
        done.reject(
          new Error(`a process ended with ${code} after ${total()} records: ${child.complaint}`),
        );
      });
    }
    await done.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    await Promise.all(started.map((child) => child[Symbol.asyncDispose]()));
  }
  const check = await checkOutput(probe, job.output, { expected: job.records, work: job.work });
  return { ...figuresOf(started.map(({ seen }) => seen), job.records), check };
}

/** For those drains whose output must be perfect. */
export function assertPerfect(name: string, { check }: DrainFigures): void {
  if (isPerfect(check)) return;
  throw new Error(
    `The output of ${name} is not what went in: ${check.lost} lost, ${check.duplicated} duplicated, ` +
      `${check.wrong} wrong${check.first ? ` (${check.first})` : ""}`,
  );
}

function figuresOf(
  processes: readonly (readonly Progress[])[],
  records: number,
): Omit<DrainFigures, "check"> {
  const seen = processes.filter((list) => list.length > 0);
  const ends = seen.flatMap((list) => list.at(-1) ?? []);
  const firstMs = Math.min(...ends.map(({ first_ms }) => first_ms));
  const lastMs = Math.max(...ends.map(({ at_ms }) => at_ms));
  const cpuMs = sum(ends.map(({ cpu_ms }) => cpu_ms));
  const seconds = (lastMs - firstMs) / 1_000;
  // The moment at which each process had its own first third: exact for one process, near enough for two.
  const thirds = seen.flatMap((list) => {
    const own = list.at(-1)?.records ?? 0;
    return list.find((progress) => progress.records >= own / 3) ?? [];
  });
  const warmRecords = records - sum(thirds.map((progress) => progress.records));
  const warmFromMs = sum(thirds.map(({ at_ms }) => at_ms)) / Math.max(1, thirds.length);
  const warmCpuMs = cpuMs - sum(thirds.map(({ cpu_ms }) => cpu_ms));
  const warm = warmRecords > 0 && lastMs > warmFromMs;
  return {
    records,
    seconds,
    recordsPerSecond: records / seconds,
    cpuMicrosPerRecord: cpuMs * 1_000 / records,
    warmRecordsPerSecond: warm ? warmRecords / ((lastMs - warmFromMs) / 1_000) : records / seconds,
    warmCpuMicrosPerRecord: warm ? warmCpuMs * 1_000 / warmRecords : cpuMs * 1_000 / records,
    rssMiBMax: Math.max(...seen.flat().map(({ rss_mib }) => rss_mib)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
