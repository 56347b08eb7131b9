import { unanswered, unreached } from "../../src/app/compose/unreached.ts";
import { untilReached } from "../../src/app/compose/until_reached.ts";
import { createHealth } from "../../src/engine/core/health.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { configureLogging } from "../../src/engine/observe/logging.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";

Deno.test("a start on a Kafka that takes connections and says nothing names place and setting soon", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) accepted.push(connection);
  })();
  const place = `127.0.0.1:${listener.addr.port}`;
  const kafka = { brokers: [place], clientId: "test", ssl: false as const };
  const services = { kafka, databaseUrl: "postgres://nobody@127.0.0.1/none", embedded: false };
  const cluster = createKafkaClient(kafka).cluster();
  const said = Promise.withResolvers<void>();
  const lines: string[] = [];
  configureLogging({
    ...{ level: "warning" as const, terminal: false },
    write(line) {
      lines.push(line);
      said.resolve();
    },
  });
  const health = createHealth();
  const stop = new AbortController();
  try {
    const reaching = untilReached(() => cluster.connect(), {
      ...{ name: "kafka", health, signal: stop.signal, silentMsMax: 50 },
      unreached: (error) => unreached("kafka", services, error),
      unanswered: (afterMs) => unanswered("kafka", services, afterMs),
    });
    await said.promise;
    stop.abort();
    await assertRejects(() => reaching);
  } finally {
    configureLogging({ level: "error", write: () => {} });
  }
  await cluster.disconnect();
  assertStringIncludes(lines[0] ?? "", `Kafka at ${place} (KAFKA_BROKERS) has not answered in`);
  assertEquals(health.ready().ready, false);
  listener.close();
  await accepting;
  for (const each of accepted) each.close();
});

Deno.test("readiness says why Postgres could not be worked with at the start, without the place", async () => {
  const health = createHealth();
  const stop = new AbortController();
  const databaseUrl = "postgres://nobody@203.0.113.7/none";
  const services = {
    kafka: { brokers: [], clientId: "test", ssl: false as const },
    ...{ databaseUrl, embedded: false },
  };
  const tried = Promise.withResolvers<void>();
  let attempts = 0;
  const attempt = () => {
    if (++attempts === 2) tried.resolve();
    const said = new Error("cannot execute INSERT in a read-only transaction");
    return Promise.reject(Object.assign(said, { code: "25006" }));
  };
  const reaching = untilReached(attempt, {
    ...{ name: "postgres", health, signal: stop.signal, retryMs: 1 },
    unreached: (error) => unreached("postgres", services, error),
    unanswered: (afterMs) => unanswered("postgres", services, afterMs),
  });
  await tried.promise;
  const [check] = health.ready().checks;
  stop.abort();
  await assertRejects(() => reaching);
  assertEquals(
    check?.detail,
    "since the start: Postgres is read-only here: DATABASE_URL must name the primary, and " +
      "default_transaction_read_only be off for its user and database",
  );
});
