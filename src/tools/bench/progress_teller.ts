/** Tells how far a measured process has come, on standard output, at most every few milliseconds. */
import process from "node:process";
import type { Progress } from "./job.ts";

const tellEveryMs = 20;
const encoder = new TextEncoder();

/** Milliseconds since the epoch, with fractions. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Processor time of this process so far, all threads, milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Counts commits; its two functions are called from the flow. */
export class ProgressTeller implements Disposable {
  #firstMs = 0;
  #firstCpuMs = 0;
  #records = 0;
  #atMs = 0;
  #cpuMs = 0;
  #told = 0;
  readonly #timer = setInterval(() => this.tell(), tellEveryMs);

  /** A record is about to be transformed. */
  began(): void {
    if (this.#firstMs !== 0) return;
    this.#firstCpuMs = cpuMs();
    this.#firstMs = epochMs();
  }

  /** A batch was committed. */
  committed(records: number): void {
    this.#records += records;
    this.#atMs = epochMs();
    this.#cpuMs = cpuMs();
  }

  /** Writes a line where something is new. */
  tell(): void {
    if (this.#records === this.#told) return;
    this.#told = this.#records;
    const progress: Progress = {
      event: "progress",
      records: this.#records,
      first_ms: this.#firstMs,
      at_ms: this.#atMs,
      cpu_ms: this.#cpuMs - this.#firstCpuMs,
      rss_mib: Deno.memoryUsage().rss / 1_048_576,
    };
    Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(progress)}\n`));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.tell();
  }
}
