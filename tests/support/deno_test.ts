/** One `deno test` over some files of a directory, with what these may do; its output is passed on, and its tally read. */
import { tmpdir } from "node:os";
import { stackPrograms } from "./permissions.ts";
import { root } from "./services.ts";
import type { Portion } from "./test_queue.ts";

/** What one run of `deno test` said. */
export interface Tally {
  passed: number;
  failed: number;
  ignored: number;
}

/** A run that takes longer hangs; what runs of it is killed. */
const runMsMax = 40 * 60_000;
/** How long an interrupted run may take to end by itself. */
const endMsMax = 8_000;

const encoder = new TextEncoder();

/**
 * Runs the files, each line of the output behind the directory's name. One that ends without a tally counts as a failure.
 */
export async function denoTest(
  { directory, files }: Portion,
  flags: readonly string[],
  signal: AbortSignal,
): Promise<Tally> {
  const child = new Deno.Command(Deno.execPath(), {
    // Types are the gate's matter (`deno task ok`).
    args: [
      "test",
      "--quiet",
      "--no-prompt",
      "--no-check",
      ...permissions(directory),
      ...flags,
      ...files,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    // A process group of its own, so that programs that the tests have started can be ended with it.
    detached: true,
  }).spawn();
  const killGroup = (how: Deno.Signal) => {
    try {
      Deno.kill(-child.pid, how);
    } catch {
      // It has ended already.
    }
  };
  let killTimer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    killGroup("SIGTERM");
    killTimer ??= setTimeout(() => killGroup("SIGKILL"), endMsMax);
  };
  const timer = setTimeout(end, runMsMax);
  signal.addEventListener("abort", end, { once: true });
  let text = "";
  for await (const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(lines())) {
    text = (text + line).slice(-4_000); // the tally is at the end
    // Whole lines, since several processes may speak at once.
    await writeAll(encoder.encode(`${directory}: ${line}`));
  }
  const status = await child.status;
  clearTimeout(timer);
  clearTimeout(killTimer);
  killGroup("SIGKILL");
  signal.removeEventListener("abort", end);
  const tally = parseTally(text);
  if (tally === undefined) return { passed: 0, failed: 1, ignored: 0 };
  return status.success || tally.failed > 0 ? tally : { ...tally, failed: 1 };
}

/** Cuts a text behind the ends of its lines. */
function lines(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const parts = (rest + text).split(/(?<=\n)/);
      rest = parts.at(-1)?.endsWith("\n") ? "" : parts.pop() ?? "";
      for (const line of parts) controller.enqueue(line);
    },
    flush: (controller) => controller.enqueue(rest),
  });
}

/** `ok | 3 passed (2 steps) | 0 failed | 1 ignored (17ms)`, the line that `deno test` ends with. */
function parseTally(text: string): Tally | undefined {
  const line = text.match(/^(?:ok|FAILED) \| .*$/gm)?.at(-1);
  if (line === undefined) return undefined;
  const count = (word: string) => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

/** What the tests of a directory may do. Tests that start our own programs need Deno itself among what they run. */
function permissions(directory: string): string[] {
  const programs = [Deno.execPath(), "deno"];
  if (directory === "unit") programs.push("promtool");
  if (directory !== "unit") programs.push("javac", "/bin/cp", ...stackPrograms());
  if (directory === "integration") {
    programs.push("/bin/sh", "/usr/sbin/pgbouncer", "/usr/bin/pgbouncer");
  }
  if (directory === "example") programs.push("python3");
  if (directory === "browser") {
    programs.push("chromium", "/usr/bin/chromium", "/usr/bin/google-chrome");
  }
  return [
    "--allow-net=127.0.0.1,localhost",
    "--allow-read",
    "--allow-env",
    "--allow-sys",
    `--allow-write=.onceflow,${tmpdir()}`,
    `--allow-run=${programs.join(",")}`,
  ];
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await Deno.stdout.write(bytes.subarray(written));
  }
}
