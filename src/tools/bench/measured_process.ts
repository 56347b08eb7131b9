/** Starts one measured process, gives it its job and collects what it tells. Knows nothing of what it measures. */
import { type Progress, progressSchema } from "./job.ts";

/** How to start it. */
export interface MeasuredCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const stopMsMax = 8_000;
const tailLines = 12;

/** See the file's first line. */
export class MeasuredProcess implements AsyncDisposable {
  readonly seen: Progress[] = [];
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<unknown>;
  #errors: string[] = [];

  constructor(
    command: MeasuredCommand,
    job: object,
    onProgress: (progress: Progress) => void = () => {},
    onLine: (line: string) => void = () => {},
  ) {
    this.#child = new Deno.Command(command.command, {
      args: [...command.args],
      cwd: command.cwd,
      env: command.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#drained = Promise.all([
      this.#give(job),
      lines(this.#child.stdout, (line) => {
        onLine(line);
        const progress = progressOf(line);
        if (!progress) return;
        this.seen.push(progress);
        onProgress(progress);
      }),
      lines(this.#child.stderr, (line) => {
        this.#errors = [...this.#errors.slice(1 - tailLines), line];
      }),
    ]).catch(() => {});
    this.ended = this.#drained.then(() => this.#child.status);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The last lines of its standard error, for the message when it fails. */
  get complaint(): string {
    return this.#errors.join("\n");
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), stopMsMax);
    await this.ended;
    clearTimeout(timer);
  }

  async #give(job: object): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${JSON.stringify(job)}\n`));
    await writer.close();
  }
}

function progressOf(line: string): Progress | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const parsed = progressSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

async function lines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void) {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) onLine(line);
  }
  if (rest) onLine(rest);
}
