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
