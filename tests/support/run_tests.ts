/**
 * `deno task test`: starts the tests' services, runs every directory of tests, stops what it started, and ends with the line
 * `N passed, N failed`. It knows no test. Tests of `tests/cluster` bring clusters of their own and mostly wait for them, and
 * those of `tests/unit` need no services, so they run beside the others.
 *
 * Arguments: parts of file paths (`outbox`, `tests/unit`) choose files; what begins with a dash goes to `deno test`.
 */
import { tmpdir } from "node:os";
import { findStack } from "../../src/tools/stack/find_stack.ts";
import { stopStack } from "../../src/tools/stack/stop_stack.ts";
import { stackPrograms } from "./permissions.ts";
import { root, startTestStack, testStackDirectory } from "./services.ts";

/** Directories of one track run one after another, and the tracks beside each other. */
const tracks = [["unit", "example", "browser"], ["integration"], ["cluster"]];
/** All others wait until the services are up: so nothing is fetched or unpacked twice at the same time. */
const withoutServices = ["unit"];
/** Its lines go as they are; those of the other tracks are marked. */
const mainTrack = tracks[1];
/** A directory whose tests take longer hangs; what runs of it is killed. */
const directoryMsMax = 40 * 60_000;
/** How long an interrupted run may take to end by itself. */
const endMsMax = 8_000;

/** What one run of `deno test` said. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

const encoder = new TextEncoder();

if (import.meta.main) Deno.exit(await runTests(Deno.args));

/** Runs the tests that the arguments choose and prints the tally; 0 when all passed, 1 when not, 130 when interrupted. */
async function runTests(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort(new DOMException("Interrupted", "AbortError"));
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, onSignal);

  const words = args.filter((arg) => !arg.startsWith("-"));
  const chosen = tracks.flat()
    .map((name) => ({ name, files: testFiles(name, words) }))
    .filter(({ files }) => files.length > 0);
  const flags = args.filter((arg) => arg.startsWith("-"));
  const needsServices = chosen.some(({ name }) => !withoutServices.includes(name));
  const total = { passed: 0, failed: 0, ignored: 0 };
  const add = (tally: Tally) => {
    for (const key of ["passed", "failed", "ignored"] as const) total[key] += tally[key];
  };

  const ranBefore = await findStack(testStackDirectory) !== undefined;
  // A failure is told when they are needed.
  const services = (needsServices ? startTestStack(say, stop.signal) : Promise.resolve())
    .then(() => undefined, (error) => String(error?.message ?? error));
  const run = async ({ name, files }: { name: string; files: string[] }) => {
    const trouble = withoutServices.includes(name) ? undefined : await services;
    if (stop.signal.aborted) return;
    if (trouble !== undefined) {
      say(`tests/${name} cannot run: ${trouble}`);
      add({ passed: 0, failed: files.length, ignored: 0 });
    } else add(await denoTest(name, [...flags, ...files], stop.signal));
  };
  try {
    await Promise.all(tracks.map(async (track) => {
      for (const directory of chosen.filter(({ name }) => track.includes(name))) {
        await run(directory);
      }
    }));
  } finally {
    await services;
    if (needsServices && !ranBefore) await stopStack(testStackDirectory);
    if (stop.signal.aborted) await removeStrayStacks();
  }
  if (chosen.length === 0) say("No test file has one of the given words in its path.");
  const ignored = total.ignored > 0 ? `, ${total.ignored} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${ignored}`);
  if (stop.signal.aborted) return 130;
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** Stops and deletes the stacks that tests started for themselves and, being interrupted, did not stop. */
async function removeStrayStacks(): Promise<void> {
  for await (const { name } of Deno.readDir(`${root}.onceflow`)) {
    if (!name.startsWith("stack-test-")) continue;
    const directory = `${root}.onceflow/${name}`;
    await stopStack(directory);
    await Deno.remove(directory, { recursive: true }).catch(() => {});
  }
}

/** The test files of a directory whose path has one of the words in it, all where there are no words. */
function testFiles(name: string, words: readonly string[]): string[] {
  const found: string[] = [];
  const walk = (directory: string, deep = true) => {
    for (const entry of Deno.readDirSync(`${root}${directory}`)) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory && deep) walk(path);
      else if (entry.name.endsWith("_test.ts")) found.push(path);
    }
  };
  if (name === "unit") walk("tests", false); // the tidy test
  try {
    walk(`tests/${name}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.filter((path) => words.length === 0 || words.some((word) => path.includes(word)))
    .sort();
}

/** One `deno test`, its output passed on as it comes. One that ends without a tally counts as a failure. */
async function denoTest(
  name: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Tally> {
  const started = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    // Types are the gate's matter (`deno task ok`).
    args: ["test", "--quiet", "--no-prompt", "--no-check", ...permissions(name), ...args],
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
  const timer = setTimeout(end, directoryMsMax);
  signal.addEventListener("abort", end, { once: true });
  let text = "";
  for await (const line of child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(lines())) {
    text = (text + line).slice(-4_000); // the tally is at the end
    // Whole lines, since several directories may speak at once.
    await writeAll(encoder.encode(mainTrack?.includes(name) ? line : `${name}: ${line}`));
  }
  const status = await child.status;
  clearTimeout(timer);
  clearTimeout(killTimer);
  killGroup("SIGKILL");
  signal.removeEventListener("abort", end);
  say(`tests/${name} took ${((performance.now() - started) / 1000).toFixed(1)} s`);
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
function permissions(name: string): string[] {
  const programs = [Deno.execPath(), "deno"];
  if (!withoutServices.includes(name)) programs.push("javac", "/bin/cp", ...stackPrograms());
  if (name === "integration") {
    programs.push("/bin/sh", "/usr/sbin/pgbouncer", "/usr/bin/pgbouncer");
  }
  if (name === "example") programs.push("python3");
  if (name === "browser") programs.push("chromium", "/usr/bin/chromium", "/usr/bin/google-chrome");
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

function say(line: string): void {
  console.error(line);
}
