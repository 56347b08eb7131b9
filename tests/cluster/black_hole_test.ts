/** A network that swallows everything: it is said once, it passes, and whoever is told to stop does so all the same. */
import { runFlow } from "../../src/engine/flow/run_flow.ts";
import { watchUntilDisposed } from "../../src/engine/flow/watch_lanes.ts";
import { delay } from "../../src/engine/core/delay.ts";
import { createHealth, type Health } from "../../src/engine/core/health.ts";
import { LaneBoard } from "../../src/engine/core/lane_board.ts";
import type { KafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { assertEquals } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { freshTopics, produce, record } from "../support/kafka.ts";
import { startOwnBroker } from "../support/own_broker.ts";
import { copyFlow } from "../support/copy_flow.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { freshDatabase, root } from "../support/services.ts";
import { silentProxy } from "../support/silent_proxy.ts";

Deno.test({
  name: "a broker that falls silent is said once, and a flow ends within seconds of its signal",
  // What waits for the broker is given up later.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using broker = await startOwnBroker();
  const { client } = broker;
  const [source = "", outTopic = ""] = await freshTopics(client, 2, "hole", "out");
  const stop = new AbortController();
  const working = Promise.withResolvers<void>();
  const running = runFlow(client, copyFlow(source, outTopic), stop.signal, {
    sessionTimeoutMs: 6_000,
    observer: { committed: () => working.resolve() },
  });
  const records = [0, 1].map((n) => record(source, n, `k${n}`, { id: `k${n}` }));
  await produce(client, records);
  await inTime(working.promise, "it works");
  const place = [client.settings.brokers[0] ?? "", source, outTopic];
  const atWork = program(place);
  // It takes over one of the partitions, or joins at least.
  await atWork.said("started");
  await produce(client, [0, 1].map((n) => record(source, n, `m${n}`, { id: `m${n}` })));
  await using watching = watch(client);
  await until(() => watching.isReady(), "the broker is watched");
  watching.downs.length = 0;
  await broker.freeze(true);
  const atStart = program(place);
  try {
    await until(() => !watching.isReady(), "the silence is said");
    await atStart.said("started");
    await delay(2_000); // beats and fetches wait for an answer now, and the watch has asked again
    assertEquals(watching.downs.length <= 1, true, String(watching.downs));
    const startedAt = performance.now();
    stop.abort();
    await running;
    const tookMs = Math.round(performance.now() - startedAt);
    // Two seconds where nothing else runs; without its own bound it waits for as long as the broker is silent.
    assertEquals(tookMs < 10_000, true, `it took ${tookMs} ms`);
    // Some four seconds; without an end to what they have asked it would be three minutes.
    const programs = [atStart, atWork].map((one) => one.stop());
    assertEquals(await inTime(Promise.all(programs), "the programs end"), [0, 0]);
  } finally {
    await broker.freeze(false);
  }
  await until(() => watching.isReady(), "the broker is found again");
});

Deno.test("serve whose Postgres falls silent answers all requests and ends within five seconds of its signal", async () => {
  await using database = await freshDatabase();
  await using proxy = silentProxy(database.url);
  const port = freePort();
  const serve = child(["-P=serve", "main.ts", "serve"], {
    ...{ DATABASE_URL: proxy.url, KAFKA_BROKERS: `127.0.0.1:${freePort()}` },
    ...{ HTTP_PORT: String(port) },
  }, "stderr");
  const ask = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
    await answer.body?.cancel();
    return answer.status;
  };
  const post = () =>
    ask("/orders", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user_id: "ada", amount: "1.00", currency: "EUR" }),
    });
  await serve.said("Taking orders");
  assertEquals(await post(), 202);
  proxy.fallSilent();
  const inHand = Promise.all([post(), ask("/orders/one"), ask("/dashboard/data.json")]);
  await delay(100); // they are sent
  const startedAt = performance.now();
  const ended = serve.stop();
  // The dashboard says what it does not know.
  assertEquals(await inTime(inHand, "they are answered"), [503, 503, 200]);
  assertEquals(await inTime(ended, "it ends"), 0);
  const tookMs = Math.round(performance.now() - startedAt);
  assertEquals(tookMs < 5_000, true, `it took ${tookMs} ms`);
});

/** A program with a flow, in a process of its own. */
function program(args: readonly string[]) {
  const permissions = ["--allow-net=127.0.0.1", "--allow-read", "--allow-env", "--allow-sys"];
  return child([...permissions, "tests/cluster/black_hole_process.ts", ...args]);
}

/** `said` looks at that stream of it. */
function child(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  speaksOn: "stdout" | "stderr" = "stdout",
) {
  const child = new Deno.Command("deno", {
    args: ["run", "--quiet", "--no-check", ...args],
    ...{ cwd: root, stdin: "null", env, [speaksOn]: "piped" },
  }).spawn();
  const lines = child[speaksOn].pipeThrough(new TextDecoderStream()).getReader();
  return {
    async said(what: string) {
      for (let seen = ""; !seen.includes(what);) {
        const { value, done } = await inTime(lines.read(), `the program has said "${what}"`);
        if (done) throw new Error(`the program has ended and never said "${what}"`);
        seen += value;
      }
    },
    /** Answers with its exit code. */
    async stop() {
      await new Deno.Command("/bin/kill", { args: ["-TERM", String(child.pid)] }).output();
      while (!(await lines.read()).done);
      return (await child.status).code;
    },
  };
}

/** A watch that loses its patience soon. `downs` has the name of each condition that made it not ready. */
function watch(client: KafkaClient) {
  const inner = createHealth();
  const downs: string[] = [];
  const health: Health = {
    ...inner,
    down(name, reason, options) {
      if (inner.ready().ready) downs.push(name);
      inner.down(name, reason, options);
    },
  };
  const watching = watchUntilDisposed(client, {
    ...{ health, board: new LaneBoard(), transactionalGroups: new Set<string>() },
    ...{ intervalMs: 50, silentMsMax: 2_000 },
  });
  const isReady = () => inner.ready().ready && inner.ready().checks.length > 0;
  return { isReady, downs, [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose]() };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const patience = AbortSignal.timeout(60_000);
  while (!condition()) {
    await delay(20, patience).catch(() => {
      throw new Error(`Waited in vain until ${what}`);
    });
  }
}
