/**
 * Processes that outlive the command that started them: start, recognise, signal. It needs no access to /proc or to
 * `Deno.kill`, both of which Deno grants only to a program that may run everything.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { waitFor, type WaitOptions } from "./wait.ts";

/** A process and when it started, so that another process that got the same number later is not mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: clock ticks since boot on Linux, a date elsewhere. */
  readonly startedAt: string;
}

/** What to start and where its output goes. */
export interface DaemonOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Standard output and error are appended to this file. */
  readonly outputFile: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** A process that was started here; `exited` tells its end while this program runs. */
export interface Daemon {
  readonly identity: ProcessIdentity;
  /** How it ended (`exit code 1`, `signal SIGKILL`), undefined while it runs. */
  exited(): string | undefined;
}

/**
 * Starts a process in a session of its own (Ctrl-C and a closed terminal do not reach it) that holds none of our pipes.
 *
 * @throws the system's error, for example with code ENOENT when there is no such command
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const output = openSync(options.outputFile, "a", 0o644);
  try {
    let end: string | undefined;
    const child = spawn(options.command, [...options.args], {
      cwd: options.cwd,
      env: { ...options.env },
      detached: true,
      stdio: ["ignore", output, output],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid }),
    });
    child.on("exit", (code, signal) => end = signal ? `signal ${signal}` : `exit code ${code}`);
    const pid = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      if (child.pid !== undefined) resolve(child.pid);
    });
    child.unref();
    const startedAt = await processStart(pid);
    if (startedAt === undefined) end ??= "an end before it could be seen";
    return { identity: { pid, startedAt: startedAt ?? "" }, exited: () => end };
  } finally {
    closeSync(output);
  }
}

/** Whether exactly this process still runs; one that is only waiting to be reaped counts as gone. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return identity.startedAt !== "" && await processStart(identity.pid) === identity.startedAt;
}

/** Waits until the process is gone; false when it is still there after the time. */
export async function waitUntilGone(
  identity: ProcessIdentity,
  options: WaitOptions,
): Promise<boolean> {
  const gone = async () => await isRunning(identity) ? undefined : true;
  return await waitFor(gone, options) ?? false;
}

/** When the process of that number started, undefined where there is none that runs. */
export async function processStart(pid: number): Promise<string | undefined> {
  if (Deno.build.os === "linux") {
    const stat = await outputOf("/bin/cat", [`/proc/${pid}/stat`]);
    // The name, in parentheses, may hold spaces and parentheses itself; state and start time are fields 3 and 22.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    const state = fields?.[0];
    return state === undefined || state === "Z" || state === "X" ? undefined : fields?.[19];
  }
  const [state, ...started] =
    (await outputOf("/bin/ps", ["-o", "state=,lstart=", "-p", String(pid)]))
      ?.trim().split(/\s+/) ?? [];
  return !state || state.startsWith("Z") ? undefined : started.join(" ");
}

/** The standard output of a short command, undefined when it failed. */
export async function outputOf(
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  const run = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).output();
  return run.success ? new TextDecoder().decode(run.stdout) : undefined;
}
