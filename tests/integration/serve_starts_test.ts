/** What is away at the start is waited for and said; `serve` takes orders without Kafka. */
import { createObservability } from "../../src/app/compose/observability.ts";
import { refuseOpenDoor } from "../../src/app/compose/open_door.ts";
import { openRuntime, openUntilStopped } from "../../src/app/compose/open_runtime.ts";
import { drain, listen, openApi } from "../../src/app/compose/run_serve.ts";
import { readConfig } from "../../src/config.ts";
import { withinTime } from "../../src/engine/core/delay.ts";
import { freePort } from "../../src/tools/stack/ports.ts";
import { waitFor } from "../../src/tools/stack/wait.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";
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
  const stream = await fetch(`http://127.0.0.1:${server.port}/dashboard/stream`);
  assertEquals(stream.headers.get("content-type"), "text/event-stream");
  await drain(config, observability);
  const late = await ask("/readyz");
  assertEquals([late.status, late.body.ready], [503, false]);
  assertEquals((await ask("/orders", post)).status, 202);
  await server.close();
  const events = await withinTime(stream.text(), 10_000, () => "the stream was still open");
  assertMatch(events, /^data: \{"at":.*\}\n\n$/s);
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

Deno.test("an address that others reach is not opened without a token or the word that none is needed", () => {
  const open = (settings: Record<string, string>) =>
    refuseOpenDoor(readConfig({ HTTP_HOST: "0.0.0.0", ...settings }));
  assertThrows(() => open({}), Error, "ALLOW_ANONYMOUS=true");
  assertThrows(() => open({ ALLOW_ANONYMOUS: "false" }), Error, "API_TOKENS");
  open({ ALLOW_ANONYMOUS: "true" });
  open({ API_TOKEN: "x".repeat(32) });
  open({ HTTP_HOST: "::1" });
});

Deno.test("a service that still starts goes by its tokens and its names", async () => {
  const config = readConfig({ HTTP_PORT: String(freePort()), API_TOKEN: "x".repeat(32) });
  await using server = listen(config, createObservability());
  const ask = async (path: string, headers: HeadersInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
    await answer.body?.cancel();
    assertEquals(answer.headers.get("x-content-type-options"), "nosniff");
    return answer.status;
  };
  assertEquals([await ask("/healthz"), await ask("/metrics")], [200, 401]);
  assertEquals(await ask("/metrics", { authorization: `Bearer ${"x".repeat(32)}` }), 200);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const request = "GET /healthz HTTP/1.1\r\nhost: evil.example\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(500);
  const answer = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  assertEquals(answer.slice(0, 12), "HTTP/1.1 421");
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
