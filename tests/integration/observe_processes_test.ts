/** What a team sees of `serve` and `worker` as they run: one trace from the request to the view, metrics, and the log. */
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { readExposition } from "../support/prometheus_text.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp_receiver.ts";
import { freshDatabase, root, services } from "../support/services.ts";

const traceOf = (digit: string) => digit.repeat(32);
const sender = "00f067aa0ba902b7";

/** A role as a process of its own, or a command that ends by itself. */
function start(set: string, env: Record<string, string>, command: readonly string[] = [set]) {
  const child = new Deno.Command("deno", {
    args: ["run", "--quiet", "--no-prompt", "--cached-only", `-P=${set}`, "main.ts", ...command],
    ...{ cwd: root, stdin: "null", stdout: "null", stderr: "piped" },
    env: { ...env, OTEL_SERVICE_NAME: command.join(" ") },
  }).spawn();
  const text = new Response(child.stderr).text();
  let stopping: Promise<string> | undefined;
  /** What it has written to stderr, once it has ended. */
  const stop = () => stopping ??= (endNow(child), child.status.then(() => text));
  return { stop, status: child.status, [Symbol.asyncDispose]: async () => void await stop() };
}

function endNow(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
}

async function ready(port: number): Promise<true | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok || undefined;
}

Deno.test("an order is one trace from its request to the view, a dead letter too, and batches link to theirs", async () => {
  await using database = await freshDatabase();
  await using receiver = startOtlpReceiver();
  const { kafkaBrokers } = await services();
  const [http, health] = [freePort(), freePort()];
  const namespace = `see-${crypto.randomUUID()}`;
  const token = crypto.randomUUID();
  const env = {
    ...{ KAFKA_BROKERS: kafkaBrokers.join(","), DATABASE_URL: database.url, NAMESPACE: namespace },
    ...{ HTTP_PORT: String(http), WORKER_HTTP_PORT: String(health), HTTP_DRAIN_MS: "1" },
    ...{
      TOPIC_PARTITIONS: "1",
      LOG_FORMAT: "json",
      API_TOKENS: `shop:place+metrics:${token}`,
      ...receiver.environment,
    },
  };
  const placed = new Map<string, string>();
  const place = async (trace: string, currency: string) => {
    const answer = await fetch(`http://127.0.0.1:${http}/orders`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
        traceparent: `00-${trace}-${sender}-01`,
        tracestate: "vendor=7",
      },
      body: JSON.stringify({ user_id: "customer-7", amount: "12.34", currency }),
    });
    const body = await answer.text();
    assertEquals(answer.status, 202, body);
    placed.set(trace, JSON.parse(body).order_id);
  };
  const good = ["1", "2", "3"].map(traceOf);
  const bad = traceOf("f");
  await using serve = start("serve", env);
  await waitFor(() => ready(http), { waitMsMax: 60_000 });
  // All of them before there is a worker, so that they are one batch.
  for (const trace of good) await place(trace, "EUR");
  await place(bad, "XXX");
  await using worker = start("worker", env);
  const of = (trace: string) => receiver.spans.filter(({ traceId }) => traceId === trace);
  const named = (spans: readonly ReceivedSpan[], name: string) =>
    spans.filter((span) => span.name === name);
  const [orders, invoices] = [`${namespace}.orders`, `${namespace}.invoices`];
  await receiver.until(() =>
    good.every((trace) => named(of(trace), `process ${invoices}`).length === 1) &&
    [...good, bad].every((trace) => named(of(trace), `process ${orders}`).length >= 2) &&
    named(of(bad), `send ${orders}.DLQ`).length === 1 &&
    named(of(bad), `process ${orders}.DLQ`).length === 1
  );

  for (const trace of [...good, bad]) {
    const spans = of(trace);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    const roots = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId));
    assertEquals(roots.map(({ name, parentSpanId }) => [name, parentSpanId]), [
      ["POST /orders", sender],
    ]);
    const create = named(spans, `create ${orders}`)[0];
    assertEquals(create?.kind, 4);
    const processed = named(spans, `process ${orders}`);
    assert(processed.length >= 2, "by the flow and by the projector");
    for (const span of processed) {
      assertEquals([span.kind, span.parentSpanId], [5, create?.spanId]);
      assertEquals(span.attributes["messaging.system"], "kafka");
      assertEquals(span.attributes["messaging.operation.type"], "process");
      assertEquals(span.attributes["messaging.destination.partition.id"], "0");
      assert(/^\d+$/.test(span.attributes["messaging.kafka.offset"] ?? ""));
    }
    assertEquals(
      new Set(processed.map(({ attributes }) => attributes["messaging.consumer.group.name"])),
      new Set([`${namespace}.invoicing`, `${namespace}.projector`]),
    );
  }
  const [dead] = named(of(bad), `send ${orders}.DLQ`);
  assertEquals([dead?.status, dead?.attributes["error.type"]], [2, "PoisonError"]);

  // Sent back once the cause is mended, it goes on in the trace in which it failed.
  await using admin = openDatabase(database.url, { connectionsMax: 1, applicationName: "test" });
  await admin.sql`insert into tax_rates (currency, rate) values ('XXX', 0.1)`;
  await using sent = start("worker", env, ["dlq", "redrive"]);
  assertEquals((await sent.status).code, 0);
  await receiver.until(() => named(of(bad), `process ${invoices}`).length === 1);
  const again = of(bad);
  const [redriven] = named(again, `redrive ${orders}`);
  assertEquals(redriven?.parentSpanId, named(again, `create ${orders}`)[0]?.spanId);
  assertEquals(redriven?.attributes["onceflow.redriven.from"], `${orders}.DLQ/0/0`);
  const processedAgain = named(again, `process ${orders}`).filter(({ parentSpanId }) =>
    parentSpanId === redriven?.spanId
  );
  const [invoiced] = named(again, `process ${invoices}`);
  assert(
    processedAgain.some(({ spanId }) => spanId === invoiced?.parentSpanId),
    "through the flow",
  );

  const created = named(receiver.spans, `create ${orders}`).map(({ spanId }) => spanId);
  const [send] = named(receiver.spans, `send ${orders}`);
  assertEquals(send?.kind, 3);
  assertEquals(send?.attributes["messaging.batch.message_count"], "4");
  assertEquals(new Set(send?.links.map(({ spanId }) => spanId)), new Set(created));
  const transforms = named(receiver.spans, `process ${orders}`)
    .filter(({ attributes }) => attributes["onceflow.attempt"] === "1");
  const commit = named(receiver.spans, `commit ${orders}`);
  const linked = new Set(commit.flatMap(({ links }) => links.map(({ spanId }) => spanId)));
  for (const { traceId, spanId } of transforms) {
    assert(
      linked.has(spanId) || traceId === bad,
      "an invoice's transaction links to its transform",
    );
  }
  assert(created.some((spanId) => linked.has(spanId)), "a dead letter's links to its record");

  const scraped = await (await fetch(`http://127.0.0.1:${health}/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  })).text();
  assertEquals(readExposition(scraped).objections, []);
  const relayed = 'onceflow_transaction_seconds_count{flow="relay"}';
  const counted = (sample: string) =>
    Number(scraped.split("\n").find((line) => line.startsWith(`${sample} `))?.split(" ").at(-1));
  assert(counted(relayed) >= 1, "how long the relay's transactions took");
  for (const stage of ["invoicing", "view"]) {
    const ways = `onceflow_end_to_end_seconds_count{stage="${stage}",topic="${orders}"}`;
    assert(counted(ways) >= 1, stage);
  }
  const group = `group="${namespace}.invoicing"`;
  assertEquals(counted(`onceflow_assigned_partitions{${group}}`), 1);
  assert(counted(`onceflow_rebalances_total{${group}}`) >= 1);
  assertEquals(counted('onceflow_check_ok{check="relay:0"}'), 1, scraped);

  const [served, worked] = await Promise.all([serve.stop(), worker.stop()]);
  assert(!`${served}${worked}`.includes(token), "a token is in the log");
  const linesOf = (text: string, logger: string) =>
    text.split("\n").flatMap((line) => line.startsWith("{") ? [JSON.parse(line)] : [])
      .filter((line) => line.logger === logger);
  const access = linesOf(served, "onceflow.http.access");
  assertEquals(access.length, 4, "a line a request, none for readiness");
  for (const trace of good) {
    const [line] = access.filter(({ trace_id }) => trace_id === trace);
    assertEquals([line.method, line.route, line.status], ["POST", "/orders", 202]);
    assertEquals([line.client, line.order_id], ["shop", placed.get(trace)]);
    assert(line.ms > 0 && line.request_id && line.event_id);
  }
  const [buried, ...more] = linesOf(worked, "onceflow.core.dead-letters");
  assertEquals(more, []);
  const [asked] = access.filter(({ trace_id }) => trace_id === bad);
  assertEquals([buried.key, buried.event_id, buried.trace_id], [
    placed.get(bad),
    asked.event_id,
    bad,
  ]);
});
