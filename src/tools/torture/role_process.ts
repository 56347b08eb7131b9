/** One child process that runs roles: started, killed, stopped and continued by faults, and started again by itself. */
import { fileURLToPath } from "node:url";
import type { Arming } from "./crash_points.ts";
import { type RoleEvent, roleEvent } from "./role_event.ts";

/** What to run, and who is told. */
export interface RoleOptions {
  /** Also the client id, by which the proxies know its connections. */
  readonly name: string;
  /** The arguments of `deno run`, from the permissions on. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly onEvent: (name: string, event: RoleEvent) => void;
  /** It ended although nobody asked for it. It is started again unless it halted. */
  readonly onEnd: (name: string, end: UnaskedEnd) => void;
}

/** How a process ended by itself. */
export interface UnaskedEnd {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** What it halted for, where it did. */
  readonly reason: string | undefined;
  /** The last lines of its log. */
  readonly tail: string;
}

const restartMs = 700;
const stopMsMax = 8_000;
const encoder = new TextEncoder();

/** See the file's first lines. */
export class RoleProcess implements AsyncDisposable {
  #child: Deno.ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #asked = false;
  #disposed = false;
  #halted = false;
  #reason: string | undefined;
  #log: Deno.FsFile | undefined;
  #ready = Promise.withResolvers<void>();

  constructor(readonly options: RoleOptions) {}

  get name(): string {
    return this.options.name;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** It ended by a halt and stays down until {@linkcode start}. */
  get halted(): boolean {
    return this.#halted;
  }

  start(): void {
    if (this.#child || this.#disposed) return;
    this.#asked = false;
    this.#halted = false;
    this.#reason = undefined;
    this.#ready = Promise.withResolvers();
    const { args, env, logFile } = this.options;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...args],
      cwd: checkout,
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    this.#log ??= Deno.openSync(logFile, { create: true, append: true });
    const log = this.#log;
    const logging = (async () => {
      for await (const chunk of child.stderr) log.writeSync(chunk);
    })();
    const listening = this.#listen(child);
    this.#ended = Promise.all([child.status, logging, listening]).then(([status]) =>
      this.#onStatus(status)
    );
  }

  /** Resolves when it has connected. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** SIGKILL; true once the process is gone by it. It is started again unless told otherwise. */
  async kill({ restart = true } = {}): Promise<boolean> {
    const child = this.#child;
    if (!child) return false;
    if (this.#asked) return await child.status.then(({ signal }) => signal === "SIGKILL");
    this.#asked = true;
    try {
      child.kill("SIGKILL");
    } catch {
      // It was ending by itself at that moment.
    }
    const { signal } = await child.status;
    await this.#ended;
    if (restart) this.start();
    return signal === "SIGKILL";
  }

  /** SIGTERM, and SIGKILL when it has not ended in time; answers with its exit code. */
  async stop(): Promise<number | undefined> {
    const child = this.#child;
    if (!child) return undefined;
    this.#asked = true;
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), stopMsMax);
    const { code } = await child.status;
    clearTimeout(timer);
    await this.#ended;
    return code;
  }

  /** Sends a signal; false when there is no process. */
  signal(signal: Deno.Signal): boolean {
    try {
      this.#child?.kill(signal);
      return this.#child !== undefined;
    } catch {
      return false;
    }
  }

  /** Tells it where to stop. */
  async arm(arming: Arming): Promise<void> {
    const writer = this.#child?.stdin.getWriter();
    try {
      await writer?.write(encoder.encode(JSON.stringify(arming) + "\n"));
    } catch {
      // It has ended: the point is not reached.
    } finally {
      writer?.releaseLock();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.stop();
    this.#log?.close();
    this.#log = undefined;
  }

  async #listen(child: Deno.ChildProcess): Promise<void> {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (!line.startsWith("{")) continue;
        const event = roleEvent.safeParse(JSON.parse(line));
        if (!event.success) continue;
        if (event.data.event === "ready") this.#ready.resolve();
        if (event.data.event === "halted") this.#reason = event.data.reason;
        this.options.onEvent(this.name, event.data);
      }
    }
  }

  #onStatus({ code, signal }: Deno.CommandStatus): void {
    this.#child?.stdin.close().catch(() => {});
    this.#child = undefined;
    if (this.#asked || this.#disposed) return;
    this.#halted = code === 1;
    const reason = this.#reason;
    this.options.onEnd(this.name, { code, signal, reason, tail: tailOf(this.options.logFile) });
    if (!this.#halted) setTimeout(() => this.start(), restartMs);
  }
}

function tailOf(logFile: string): string {
  return Deno.readTextFileSync(logFile).trimEnd().split("\n").slice(-12).join("\n");
}

const checkout = fileURLToPath(new URL("../../../", import.meta.url));
