import { createHealth } from "../../src/engine/core/health.ts";
import { serveHealth } from "../../src/engine/observe/health_server.ts";
import { createMetrics } from "../../src/engine/observe/metrics.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";

Deno.test("the listener tells health, readiness with reasons, and metrics", async () => {
  const health = createHealth();
  const metrics = createMetrics();
  await using server = serveHealth({ hostname: "127.0.0.1", port: 0, health, metrics });
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return { status: response.status, body: await response.text() };
  };
  assertEquals((await get("/healthz")).status, 200);
  assertEquals((await get("/readyz")).status, 200);
  health.down("relay", "no leader");
  const notReady = await get("/readyz");
  assertEquals(notReady.status, 503);
  assertStringIncludes(notReady.body, "no leader");
  assertStringIncludes((await get("/metrics")).body, "# TYPE onceflow_records_total counter");
  assertEquals((await get("/orders")).status, 404);
  assertEquals((await get("/metrics", { method: "POST" })).status, 405);
});

Deno.test("a Host header cannot make another path of the request, nor is another name answered", async () => {
  const options = { hostname: "127.0.0.1", health: createHealth(), metrics: createMetrics() };
  await using server = serveHealth({ ...options, port: 0 });
  const cases = { "a b": 400, "x/metrics?": 400, "evil.example": 421, "localhost": 200 };
  for (const [host, status] of Object.entries(cases)) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(
      new TextEncoder().encode(`GET /healthz HTTP/1.1\r\nhost: ${host}\r\n\r\n`),
    );
    const buffer = new Uint8Array(500);
    const answer = new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
    assertEquals(answer.slice(0, 12), `HTTP/1.1 ${status}`, host);
    assertStringIncludes(answer, "nosniff");
    if (status !== 200) assertStringIncludes(answer, "application/problem+json");
  }
});

Deno.test("metrics are for those who may read them, health for all", async () => {
  const options = { hostname: "127.0.0.1", health: createHealth(), metrics: createMetrics() };
  const mayReadMetrics = ({ headers }: Request) => headers.get("authorization") === "Bearer right";
  await using server = serveHealth({ ...options, port: 0, mayReadMetrics });
  const status = async (path: string, authorization = "") => {
    const url = `http://127.0.0.1:${server.port}${path}`;
    const answer = await fetch(url, { headers: { authorization } });
    await answer.body?.cancel();
    return answer.status;
  };
  assertEquals([await status("/metrics"), await status("/metrics", "Bearer right")], [401, 200]);
  assertEquals([await status("/healthz"), await status("/readyz")], [200, 200]);
});

Deno.test("a taken port is named in the error", async () => {
  const options = { hostname: "127.0.0.1", health: createHealth(), metrics: createMetrics() };
  await using server = serveHealth({ ...options, port: 0 });
  assertThrows(
    () => serveHealth({ ...options, port: server.port }),
    Error,
    `Cannot listen on 127.0.0.1:${server.port}`,
  );
});

Deno.test("the listener closes when the signal fires", async () => {
  const stop = new AbortController();
  const health = createHealth();
  await using server = serveHealth({
    hostname: "127.0.0.1",
    port: 0,
    health,
    metrics: createMetrics(),
    signal: stop.signal,
  });
  stop.abort();
  assertEquals(server.port > 0, true);
});
