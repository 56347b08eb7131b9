import { assertEquals, assertRejects } from "../support/assert.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { TransientError } from "../../src/engine/core/errors.ts";
import { waitForPostgres } from "../../src/engine/projection/wait_for_postgres.ts";

const backoff = { firstMs: 1, waitMsMax: 4 };
const never = new AbortController().signal;

/** A step that fails with these codes, one after another, and then succeeds. */
function failing(...codes: string[]): () => Promise<string> {
  return () => {
    const code = codes.shift();
    if (code === undefined) return Promise.resolve("done");
    return Promise.reject(Object.assign(new Error(code), { code }));
  };
}

Deno.test("a refused connection is waited out, and told once it is over", async () => {
  const told: string[] = [];
  const result = await waitForPostgres(
    failing("ECONNREFUSED", "57P03"),
    backoff,
    never,
    (state) => told.push(state),
  );
  assertEquals([result, told], ["done", ["down", "down", "up"]]);
});

Deno.test("an outage that several steps wait out is a line at its begin, and one at its end", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", terminal: false, write: (line) => void lines.push(line) });
  const stop = new AbortController();
  try {
    const forGood = new Array(1_000).fill("ECONNREFUSED");
    const stopped = waitForPostgres(failing(...forGood), backoff, stop.signal);
    await Promise.all([
      ...[1, 5].map((failures) =>
        waitForPostgres(failing(...forGood.slice(0, failures)), backoff, never)
      ),
      assertRejects(() => stopped),
      waitForPostgres(failing("57P03"), backoff, never).then(() => stop.abort()),
    ]);
    assertEquals(lines.map((line) => /Waiting|is back/.exec(line)?.[0]), ["Waiting", "is back"]);
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
});

Deno.test("a deadlock is tried again, and is no outage", async () => {
  const told: string[] = [];
  await waitForPostgres(failing("40P01"), backoff, never, (state) => told.push(state));
  assertEquals(told, []);
});

Deno.test("conflicts are given up after the limit", async () => {
  const bounded = { ...backoff, conflictsMax: 2 };
  await waitForPostgres(failing("55P03", "55P03"), bounded, never);
  await assertRejects(
    () => waitForPostgres(failing("55P03", "55P03", "55P03"), bounded, never),
    TransientError,
  );
});

Deno.test("an error that says nothing about Postgres itself is thrown at once", async () => {
  await assertRejects(() => waitForPostgres(failing("23514"), backoff, never), Error, "23514");
});

Deno.test("a wait ends with the signal", async () => {
  const stop = new AbortController();
  const step = () => {
    stop.abort(new Error("stopped"));
    return failing("ECONNREFUSED")();
  };
  await assertRejects(
    () => waitForPostgres(step, { firstMs: 60_000, waitMsMax: 60_000 }, stop.signal),
    Error,
    "stopped",
  );
});
