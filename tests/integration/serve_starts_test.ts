/** What is away at the start is waited for and said; `serve` takes orders without Kafka. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { openRuntime, openUntilStopped } from "../../src/app/compose/open_runtime.ts";
import { drain, listen, openApi } from "../../src/app/compose/run_serve.ts";
import { readConfig } from "../../src/config.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { freshDatabase } from "../support/services.ts";

const nobody = () => `127.0.0.1:${freePort()}`;
const post = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ user_id: "customer-7", amount: "12.34" }),
};

Deno.test("serve takes orders while Kafka is away", async () => {
  await using database = await freshDatabase();
  const config = readConfig({
    ...{ KAFKA_BROKERS: nobody(), DATABASE_URL: database.url },
    ...{ HTTP_PORT: String(freePort()), HTTP_DRAIN_MS: "1" },
  });
  const observability = createObservability();
  await using server = listen(config, observability);
  const ask = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: answer.status, body: await answer.json() };
  };
  const early = await ask("/readyz");
  assertEquals([early.status, early.body.checks[0].name], [503, "start"]);
  assertEquals((await ask("/orders", post)).status, 503);
  await using runtime = await openRuntime(config, {
    ...{ applicationName: "test", health: observability.health, kafkaLater: true },
  });
  await using api = openApi(runtime, observability);
  server.serve(api);
  assertEquals((await ask("/orders", post)).status, 202);
  const ready = async () => (await ask("/readyz")).body.ready || undefined;
  assertEquals(await waitFor(ready, { waitMsMax: 20_000 }), true);
  assertEquals((await ask("/dashboard/data.json")).status, 200);
  await drain(config, observability);
  const late = await ask("/readyz");
  assertEquals([late.status, late.body.ready], [503, false]);
  assertEquals((await ask("/orders", post)).status, 202);
});

Deno.test("a worker that starts while Kafka is away waits, says so, and ends at once when told", async () => {
  await using database = await freshDatabase();
  const config = readConfig({ KAFKA_BROKERS: nobody(), DATABASE_URL: database.url });
  const { health } = createObservability();
  const stop = new AbortController();
  const opening = openUntilStopped(config, {
    ...{ applicationName: "test", health, signal: stop.signal },
  });
  const down = () => health.ready().checks.find(({ name, ok }) => name === "kafka" && !ok);
  assert(await waitFor(() => Promise.resolve(down()), { waitMsMax: 20_000 }));
  stop.abort();
  assertEquals(await opening, undefined);
});

Deno.test("a start that finds nothing names what it tried, and the setting", async () => {
  const [kafka, postgres] = [nobody(), nobody()];
  await using database = await freshDatabase();
  const open = (KAFKA_BROKERS: string, DATABASE_URL: string) =>
    openRuntime(readConfig({ KAFKA_BROKERS, DATABASE_URL }), { applicationName: "test" });
  await assertRejects(
    () => open(kafka, database.url),
    Error,
    `Cannot reach Kafka at ${kafka} (KAFKA_BROKERS)`,
  );
  const refused = await assertRejects(
    () => open(kafka, `postgres://someone:secret@${postgres}/orders`),
    Error,
    `Postgres at ${postgres}/orders (DATABASE_URL)`,
  );
  assert(!refused.message.includes("secret"));
});
