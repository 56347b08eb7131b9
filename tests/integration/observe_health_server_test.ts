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

Deno.test("a Host header that makes no URL is a 404, no fault", async () => {
  const options = { hostname: "127.0.0.1", health: createHealth(), metrics: createMetrics() };
  await using server = serveHealth({ ...options, port: 0 });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n"));
  const buffer = new Uint8Array(64);
  const read = await connection.read(buffer) ?? 0;
  assertEquals(new TextDecoder().decode(buffer.subarray(0, read)).slice(0, 12), "HTTP/1.1 404");
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
