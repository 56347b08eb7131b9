/** The server's edges: its port, its end, and bodies that never end. */
import { startServer } from "../../src/app/http/server.ts";
import { createApp } from "../../src/app/http/create_app.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertThrows,
} from "../support/assert.ts";

/** Port 1 refuses. */
function unreachableDatabase() {
  const url = "postgres://nobody@127.0.0.1:1/none";
  return openDatabase(url, { connectionsMax: 1, applicationName: "test" });
}

const anyPort = { host: "127.0.0.1", port: 0 };

Deno.test("request while Postgres is down is a 503 that says when to try again", async () => {
  await using database = unreachableDatabase();
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const app = createApp({ sql: database.sql, topic: "orders", shards: 1, onFault });
  const body = JSON.stringify({ user_id: "customer-7", amount: "12.34" });
  const post = { method: "POST", headers: { "content-type": "application/json" }, body };
  const requests: [string, RequestInit][] = [
    ["/orders", post],
    ["/orders/o", {}],
    ["/orders?user_id=u", {}],
    ["/customers/u/totals", {}],
  ];
  for (const [path, init] of requests) {
    const answer = await app.request(path, init);
    assertEquals(answer.status, 503, path);
    assertEquals(answer.headers.get("content-type"), "application/problem+json");
    assertEquals(answer.headers.get("retry-after"), "1");
    const text = await answer.text();
    assert(!text.includes("127.0.0.1") && !text.includes("REFUSED"), "nothing of the inside shows");
  }
  const readiness = await app.request("/readyz");
  assertEquals(readiness.status, 503);
  assertEquals(readiness.headers.get("retry-after"), "1");
  const { ready, checks: [check] } = await readiness.json();
  assertEquals({ ready, name: check.name, ok: check.ok, detail: check.detail }, {
    ready: false,
    name: "postgres",
    ok: false,
    detail: "Postgres does not answer",
  });
  assertEquals((await app.request("/healthz")).status, 200);
  assertEquals(faults.length, 4, "the log hears of each; readiness is no fault");
});

Deno.test("server that finds its port taken says which, and what to set", async () => {
  await using first = startServer(() => new Response("first"), anyPort);
  const second = (more: { setting?: string }) =>
    startServer(() => new Response("second"), { host: "127.0.0.1", port: first.port, ...more });
  const said =
    `Cannot listen on 127.0.0.1:${first.port}: the port is taken. Stop what listens there, or set `;
  assertThrows(() => second({}), Error, `${said}HTTP_PORT`);
  const setting = "OPERATE_HTTP_PORT";
  assertThrows(() => second({ setting }), Error, said + setting);
});

Deno.test("server that is closed finishes the request in hand and takes no new one", async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using server = startServer(() => {
    arrived.resolve();
    return answer.promise;
  }, anyPort);
  const url = `http://127.0.0.1:${server.port}/`;
  const inHand = fetch(url);
  await arrived.promise;
  const closed = server.close();
  const late = await fetch(url);
  assertEquals(late.headers.get("content-type"), "application/problem+json");
  assertEquals((await late.json()).status, 503);
  answer.resolve(new Response("finished"));
  assertEquals(await (await inHand).text(), "finished");
  await closed;
  await assertRejects(() => fetch(url), TypeError);
});

Deno.test("server that is closed answers a request that never ends, in bounded time", async () => {
  const arrived = Promise.withResolvers<void>();
  const server = startServer(() => {
    arrived.resolve();
    return new Promise(() => {});
  }, anyPort);
  const inHand = fetch(`http://127.0.0.1:${server.port}/`);
  await arrived.promise;
  const start = performance.now();
  await server.close(100);
  assertGreater(3_000, performance.now() - start);
  const answer = await inHand;
  assertEquals([answer.status, answer.headers.get("retry-after")], [503, "1"]);
  await answer.body?.cancel();
});

Deno.test("body that never ends is cut off at the limit over a real connection", async () => {
  await using database = unreachableDatabase();
  const app = createApp({ sql: database.sql, topic: "orders", shards: 1 });
  await using server = startServer(app.fetch, anyPort);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  try {
    const encoder = new TextEncoder();
    await connection.write(encoder.encode(
      "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
    ));
    const chunk = encoder.encode(`1000\r\n${" ".repeat(0x1000)}\r\n`);
    const buffer = new Uint8Array(64);
    const answer = connection.read(buffer);
    try {
      for (let sent = 0; sent < 20; sent++) await connection.write(chunk);
    } catch {
      // The server has answered and hung up: that is what this waits for.
    }
    const read = await answer;
    assertEquals(
      new TextDecoder().decode(buffer.subarray(0, read ?? 0)).slice(0, 12),
      "HTTP/1.1 413",
    );
  } finally {
    connection.close();
  }
});
