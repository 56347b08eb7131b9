/**
 * `deno task test`: starts the tests' services, runs the test files in three tracks beside each other, stops what it
 * started, and ends with the line `N passed, N failed`. It knows no test; which files run when says `test_queue.ts`.
 *
 * Arguments: parts of file paths (`outbox`, `tests/unit`) choose files; what begins with a dash goes to `deno test`.
 */
import { findStack } from "../../src/tools/stack/find_stack.ts";
import { stopStack } from "../../src/tools/stack/stop_stack.ts";
import { denoTest, type Tally } from "./deno_test.ts";
import { root, startTestStack, testStackDirectory } from "./services.ts";
import { type Portion, TestQueue } from "./test_queue.ts";

if (import.meta.main) Deno.exit(await runTests(Deno.args));

/** Runs the tests that the arguments choose and prints the tally; 0 when all passed, 1 when not, 130 when interrupted. */
async function runTests(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const onSignal = () => stop.abort(new DOMException("Interrupted", "AbortError"));
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, onSignal);

  const flags = args.filter((arg) => arg.startsWith("-"));
  const queue = new TestQueue(args.filter((arg) => !arg.startsWith("-")));
  if (queue.left.length === 0) say("No test file has one of the given words in its path.");
  const total: Tally = { passed: 0, failed: 0, ignored: 0 };
  const msOf: Record<string, number> = {};
  const started = performance.now();

  const needServices = queue.left.some(useServices);
  const ranBefore = await findStack(testStackDirectory) !== undefined;
  // A failure is told when they are needed.
  const services = (needServices ? startTestStack(say, stop.signal) : Promise.resolve())
    .then(() => undefined, (error) => String(error?.message ?? error));
  const run = async (portion: Portion): Promise<Tally> => {
    // All others wait until the services are up: so nothing is fetched or unpacked twice at the same time.
    const trouble = useServices(portion) ? await services : undefined;
    if (trouble === undefined && !stop.signal.aborted) {
      return await denoTest(portion, flags, stop.signal);
    }
    if (trouble !== undefined) say(`${portion.files.join(", ")} cannot run: ${trouble}`);
    return { passed: 0, failed: portion.files.length, ignored: 0 };
  };
  try {
    await Promise.all(queue.tracks.map(async (track) => {
      for (let portion = queue.take(track); portion !== undefined; portion = queue.take(track)) {
        if (stop.signal.aborted) return;
        const began = performance.now();
        const tally = await run(portion);
        for (const key of ["passed", "failed", "ignored"] as const) total[key] += tally[key];
        msOf[portion.directory] = (msOf[portion.directory] ?? 0) + performance.now() - began;
      }
    }));
  } finally {
    await services;
    if (needServices && !ranBefore) await stopStack(testStackDirectory);
    if (stop.signal.aborted) await removeStrayStacks();
  }
  for (const [name, ms] of Object.entries(msOf)) say(`tests/${name} took ${seconds(ms)}`);
  say(`all took ${seconds(performance.now() - started)}, in tracks beside each other`);
  const ignored = total.ignored > 0 ? `, ${total.ignored} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${ignored}`);
  if (stop.signal.aborted) return 130;
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

function useServices({ directory }: Portion): boolean {
  return directory !== "unit";
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

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function say(line: string): void {
  console.error(line);
}
