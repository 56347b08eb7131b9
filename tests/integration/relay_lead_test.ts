/** Who relays when the leader is frozen, killed, or cannot reach Kafka: another one, soon, and nothing is published twice. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime, type Runtime } from "../../src/app/compose/open_runtime.ts";
import { runWorker } from "../../src/app/compose/run_worker.ts";
import { groupsOf } from "../../src/app/compose/roles.ts";
import { readConfig } from "../../src/config.ts";
import type { Transactions } from "../../src/engine/core/ports.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { createTransactions } from "../../src/engine/kafka/transactions.ts";
import { placeOrder } from "../../src/app/orders/place_order.ts";
import { leadTimes } from "../../src/engine/outbox/lead_rules.ts";
import { relayShard } from "../../src/engine/outbox/relay_shard.ts";
import { openRelayLeads } from "../../src/engine/outbox/relay_lead.ts";
import { relayStore } from "../../src/engine/outbox/relay_store.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { inTime } from "../support/in_time.ts";
import { readPartition } from "../support/kafka.ts";
import { freshDatabase, root, services } from "../support/services.ts";

/** A pipeline of its own: a database and topics. */
async function pipeline() {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await freshDatabase());
  const { kafkaBrokers } = await services();
  const own = crypto.randomUUID();
  const variables = {
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url, TOPIC_PARTITIONS: "1" },
    ...{ ORDERS_TOPIC: `orders-${own}`, INVOICES_TOPIC: `invoices-${own}` },
    ...{ DEAD_LETTERS_TOPIC: `dlq-${own}`, OUTBOX_CURSOR_TOPIC: `cursor-${own}` },
  };
  const config = readConfig(variables);
  const runtime = stack.use(await openRuntime(config, { applicationName: "test" }));
  const owned = stack.move();
  const placed: string[] = [];
  return {
    ...{ variables, config, runtime, placed },
    async place() {
      const order = { userId: "u", amount: "1.00", currency: "USD" };
      const where = { topic: config.ORDERS_TOPIC, shards: 1, now: () => new Date() };
      const outcome = await placeOrder(runtime.database.sql, order, where);
      placed.push("orderId" in outcome ? String(outcome.orderId) : "");
    },
    /** Waits until all orders were published, and answers with the keys of the topic. */
    async published(): Promise<string[]> {
      const keys = await waitFor(async () => {
        const records = await readPartition(runtime.client, config.ORDERS_TOPIC);
        const found = records.map(({ key }) => new TextDecoder().decode(key ?? undefined));
        return placed.every((id) => found.includes(id)) ? found : undefined;
      }, { waitMsMax: 60_000 });
      return keys ?? [];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The relay of a process of its own. */
function spawnRelay(env: Record<string, string>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-check", "--allow-net=127.0.0.1", "--allow-read", "--allow-env"],
      ...["--allow-sys", "tests/integration/relay_lead_process.ts"],
    ],
    ...{ cwd: root, env, stdin: "null", stdout: "piped" },
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  return {
    /** Resolves when it has said so, after what was waited for before. */
    async said(what: string) {
      while (!seen.includes(what)) {
        const { value, done } = await inTime(lines.read(), `the relay has said "${what}"`);
        if (done) throw new Error(`the relay has ended and never said "${what}"`);
        seen += value;
      }
      seen = seen.slice(seen.indexOf(what) + what.length);
    },
    async send(signal: "STOP" | "CONT" | "KILL" | "TERM") {
      await new Deno.Command("/bin/kill", { args: [`-${signal}`, String(child.pid)] }).output();
    },
    async ended() {
      while (!(await lines.read()).done);
      await child.status;
    },
  };
}

/** The relay of this process, told to stop when disposed. */
function startRelay(runtime: Runtime) {
  const stop = new AbortController();
  const { health } = createObservability();
  let leading = Promise.withResolvers<void>();
  const working = runWorker(runtime, {
    ...{ roles: ["relay"], guarantee: "exactly-once", health },
    observers: {
      relay: {
        leading: (_shard, leads) => leads ? leading.resolve() : leading = Promise.withResolvers(),
      },
    },
  }, stop.signal);
  return {
    leads: () => inTime(leading.promise, "the relay of this process leads"),
    check: () => health.ready().checks.find(({ name }) => name === "relay:0"),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await working;
    },
  };
}

Deno.test("a leader that is frozen, stopped or killed is replaced, and publishes nothing twice", async () => {
  await using line = await pipeline();
  const { runtime, variables, place, published, placed } = line;
  const other = spawnRelay(variables);
  try {
    await other.said("leads");
    await place();
    await other.said("relayed 1");
    {
      await using own = startRelay(runtime);
      const standby = await waitFor(() => own.check(), { waitMsMax: 60_000 });
      assertEquals(standby?.ok, true);
      assertStringIncludes(standby?.detail ?? "", "stands by: onceflow, process");

      await other.send("STOP");
      const frozenAt = performance.now();
      await place();
      await published();
      const tookMs = Math.round(performance.now() - frozenAt);
      // Some 11 seconds where nothing else runs; an advisory lock would stay for ever.
      assert(tookMs < 25_000, `published ${tookMs} ms after the freeze`);
      assertEquals(own.check()?.detail, "this process leads");
      await other.send("CONT");
      await place();
      await published();
    }
    // The one that is stopped in order gives the lead back.
    const stoppedAt = performance.now();
    await other.said("leads");
    const freeMs = Math.round(performance.now() - stoppedAt);
    // Less than what was left of the lease.
    assert(freeMs < 7_500, `taken over ${freeMs} ms after the other one had stopped`);
    await using own = startRelay(runtime);
    await waitFor(() => own.check(), { waitMsMax: 60_000 });
    const killedAt = performance.now();
    await other.send("KILL");
    await own.leads();
    const killMs = Math.round(performance.now() - killedAt);
    assert(killMs < 7_500, `taken over ${killMs} ms after kill -9`);
    await place();
    assertEquals((await published()).toSorted(), placed.toSorted());
  } finally {
    await other.send("KILL");
    await other.ended();
  }
});

Deno.test("a leader that cannot reach Kafka lets another one lead, and its late commit is refused", async () => {
  await using line = await pipeline();
  const { runtime, config, place, published, placed } = line;
  const { client, services: { databaseUrl } } = runtime;
  const times = { ...leadTimes, renewMs: 100, pollMs: 50, stuckMsMax: 500, offerMs: 500 };
  await using transactions = createTransactions(client, { transactionTimeoutMs: 60_000 });
  const hole = blackHole(transactions);
  const place0 = {
    shard: 0,
    groupId: groupsOf(config).relay,
    cursorTopic: config.OUTBOX_CURSOR_TOPIC,
  };
  const relay = (name: string, own: Transactions) => {
    const stop = new AbortController();
    const health = createHealth();
    const leading: boolean[] = [];
    const leads = openRelayLeads(databaseUrl, { name, applicationName: name });
    const running = relayShard(
      {
        ...{ store: relayStore(runtime.database.sql, place0), transactions: own, health },
        ...{ lead: leads.of(0), leadTimes: times, partitionCount: () => 1 },
      },
      { ...place0, batchRecordsMax: 100, pollIntervalMs: 10, retentionHours: 1 },
      stop.signal,
      { leading: (_shard, leads) => void leading.push(leads) },
    );
    return {
      leading,
      detail: () => health.ready().checks[0]?.detail ?? "",
      async [Symbol.asyncDispose]() {
        stop.abort();
        await running;
        await leads[Symbol.asyncDispose]();
      },
    };
  };
  const until = async (met: () => boolean) =>
    assert(await waitFor(() => met() || undefined, { waitMsMax: 60_000 }));
  await using first = relay("first", hole.transactions);
  await place();
  await published();
  {
    await using second = relay("second", transactions);
    await until(() => second.detail().includes("first"));
    hole.open(true);
    await place();
    await published();
    assertEquals(second.leading.at(-1), true);
    await until(() => first.detail().includes("stands by: second"));
    // What it had sent arrives now, and what it does next.
    hole.open(false);
    await place();
    await published();
    assertEquals(first.leading, [true, false]);
  }
  // Alone again it leads, through a time in which nobody would take the lead.
  await place();
  await published();
  hole.open(true);
  await place();
  await until(() => hole.waiting() > 0);
  await new Promise((resolve) => setTimeout(resolve, 3 * (times.stuckMsMax + times.offerMs)));
  hole.open(false);
  assertEquals((await published()).toSorted(), placed.toSorted());
  assertEquals(first.leading, [true, false, true]);
});

/** The same transactions; while it is open, nothing is sent until it is closed again. */
function blackHole(transactions: Transactions) {
  let hole: PromiseWithResolvers<void> | undefined;
  let waiting = 0;
  return {
    open(isOpen: boolean) {
      hole?.resolve();
      hole = isOpen ? Promise.withResolvers() : undefined;
    },
    waiting: () => waiting,
    transactions: {
      ...transactions,
      async open(id, signal) {
        const transactor = await transactions.open(id, signal);
        return {
          transactionalId: id,
          async commit(write) {
            waiting++;
            await hole?.promise;
            waiting--;
            await transactor.commit(write);
          },
          [Symbol.asyncDispose]: () => transactor[Symbol.asyncDispose](),
        };
      },
    } satisfies Transactions,
  };
}
