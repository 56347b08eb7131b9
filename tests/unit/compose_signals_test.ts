/** How a process that runs until a signal ends: in order, at once, or when its time is over. */
import { assertEquals } from "../support/assert.ts";

const room = new URL("../../src/app/compose/run_until_signal.ts", import.meta.url).href;

/** Runs that code as the work of a process of its own; `signal` and `interrupt()` are at hand there. */
async function run(
  work: string,
  limits: { shutdownMsMax: number; lateExitCode?: number } = { shutdownMsMax: 10_000 },
): Promise<[code: number, output: string]> {
  const script = `
    import { runUntilSignal } from ${JSON.stringify(room)};
    const interrupt = () => Deno.kill(Deno.pid, "SIGINT");
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const aborted = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
    await runUntilSignal(async (signal) => { ${work} }, ${JSON.stringify(limits)});
    interrupt();
    await pause(20);
    console.log("ended in order");
  `;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    cwd: new URL("../../", import.meta.url).pathname,
    stderr: "inherit",
  }).output();
  return [code, new TextDecoder().decode(stdout).trim()];
}

Deno.test("one key press that comes as two signals is one: the stop stays in order", async () => {
  // The clock stands still: it is one press, however slow the machine is.
  const work = `
    performance.now = () => 0;
    setTimeout(interrupt);
    await aborted(signal);
    interrupt();
    await pause(20);
  `;
  assertEquals(await run(work), [0, "ended in order"]);
});

Deno.test("second signal ends the process at once", async () => {
  const work = `
    setTimeout(interrupt);
    await aborted(signal);
    setTimeout(interrupt, 300);
    await pause(60_000);
  `;
  assertEquals(await run(work, { shutdownMsMax: 60_000 }), [130, ""]);
});

Deno.test("stop that takes too long ends with status 0 all the same, unless an answer was owed", async () => {
  const work = `
    setTimeout(interrupt);
    await aborted(signal);
    await pause(60_000);
  `;
  assertEquals(await run(work, { shutdownMsMax: 100 }), [0, ""]);
  assertEquals(await run(work, { shutdownMsMax: 100, lateExitCode: 2 }), [2, ""]);
});
