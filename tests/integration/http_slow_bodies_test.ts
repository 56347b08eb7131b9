/** Bodies in tiny chunks, late ones, and very many at once, over raw connections. */
import { createApp } from "../../src/app/http/create_app.ts";
import { createBodyReader } from "../../src/app/http/body_reader.ts";
import { readJson } from "../../src/app/http/read_json.ts";
import { ProblemError, problemResponse } from "../../src/app/http/problem.ts";
import { startServer } from "../../src/app/http/server.ts";
import { openDatabase } from "../../src/engine/postgres/database.ts";
import { assert, assertEquals } from "../support/assert.ts";

const encoder = new TextEncoder();
const head = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";

function serve(limits: { msMax?: number; inHandMax?: number }) {
  const read = createBodyReader({ bytesMax: 65_536, msMax: 30_000, inHandMax: 100, ...limits });
  return startServer(async (request) => {
    try {
      return Response.json(String(await readJson(request, read)).length);
    } catch (error) {
      if (error instanceof ProblemError) return problemResponse(error.problem, error.headers);
      throw error;
    }
  }, { host: "127.0.0.1", port: 0 });
}

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });

async function send(connection: Deno.Conn, text: string) {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function answerOf(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1_000);
  const read = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, read ?? 0));
}

Deno.test("bodies in chunks of one byte take memory for their bytes, not for their chunks", async () => {
  await using server = serve({});
  const before = Deno.memoryUsage().rss;
  const connections = await Promise.all(Array.from({ length: 8 }, () => connect(server.port)));
  const size = 30_000;
  let peak = 0;
  const timer = setInterval(() => peak = Math.max(peak, Deno.memoryUsage().rss - before), 20);
  try {
    await Promise.all(connections.map(async (connection) => {
      await send(connection, `${head}transfer-encoding: chunked\r\n\r\n`);
      // In pieces, so that the server has each chunk by itself.
      for (let sent = 0; sent < size; sent += 100) {
        await send(connection, "1\r\n1\r\n".repeat(100));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      await send(connection, "0\r\n\r\n");
      assert((await answerOf(connection)).startsWith("HTTP/1.1 200"));
    }));
  } finally {
    clearInterval(timer);
    for (const connection of connections) connection.close();
  }
  // 240,000 chunks, each of which kept a promise alone, would be 160 MB.
  assert(peak < 100_000_000, `${peak} bytes`);
});

Deno.test("a body that is late is answered 408, with and without a length", async () => {
  await using server = serve({ msMax: 150 });
  for (const length of ["content-length: 10", "transfer-encoding: chunked"]) {
    using connection = await connect(server.port);
    await send(connection, `${head}${length}\r\n\r\n`);
    assert((await answerOf(connection)).startsWith("HTTP/1.1 408"), length);
  }
});

Deno.test("one body too many cuts off the one that has been on its way for longest", async () => {
  await using server = serve({ inHandMax: 2 });
  const slow = [];
  for (let i = 0; i < 2; i++) {
    const connection = await connect(server.port);
    await send(connection, `${head}content-length: 10\r\n\r\n1`);
    slow.push(connection);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  using quick = await connect(server.port);
  await send(quick, `${head}content-length: 2\r\n\r\n12`);
  assert((await answerOf(quick)).startsWith("HTTP/1.1 200"));
  const [first, second] = slow;
  if (!first || !second) throw new Error("no connections");
  assertEquals((await answerOf(first)).slice(0, 12), "HTTP/1.1 408");
  await send(second, "234567890");
  assertEquals((await answerOf(second)).slice(0, 12), "HTTP/1.1 200");
  for (const connection of slow) connection.close();
});

Deno.test("bodies that are on their way take no place of a request that is there", async () => {
  await using database = openDatabase("postgres://nobody@127.0.0.1:1/none", {
    ...{ connectionsMax: 1, applicationName: "test" },
  });
  const app = createApp({
    ...{ sql: database.sql, topic: "orders", shards: 1 },
    ...{ requestsInHandMax: 2, bodiesInHandMax: 10 },
  });
  await using server = startServer(app.fetch, { host: "127.0.0.1", port: 0 });
  const slow = [];
  for (let i = 0; i < 12; i++) {
    const connection = await connect(server.port);
    await send(connection, `${head}content-length: 10\r\n\r\n1`);
    slow.push(connection);
  }
  // The oldest two were cut off, so the others are on their way.
  for (const first of slow.slice(0, 2)) {
    assertEquals((await answerOf(first)).slice(0, 12), "HTTP/1.1 408");
  }
  for (let i = 0; i < 5; i++) {
    using quick = await connect(server.port);
    await send(quick, `${head}content-length: 2\r\n\r\n{}`);
    assertEquals((await answerOf(quick)).slice(0, 12), "HTTP/1.1 422");
  }
  for (const connection of slow) connection.close();
});

Deno.test("who sends very many bodies loses the oldest of those, and nobody else's", async () => {
  const read = createBodyReader({ bytesMax: 100, msMax: 5_000, inHandMax: 3 });
  const ends: (() => void)[] = [];
  const cutOff: string[] = [];
  const begin = (from: string, name: string) => {
    const body = new ReadableStream<Uint8Array>({
      start: (to) => void ends.push(() => to.close()),
    });
    const request = new Request("http://localhost/orders", { method: "POST", body });
    return read(request, from).catch(() => void cutOff.push(name));
  };
  const all = [["honest", "h"], ["greedy", "1"], ["greedy", "2"], ["greedy", "3"], ["greedy", "4"]]
    .map(([from = "", name = ""]) => begin(from, name));
  await Promise.all(all.slice(1, 3));
  assertEquals(cutOff, ["1", "2"]);
  for (const index of [0, 3, 4]) ends[index]?.();
  await Promise.all(all);
  assertEquals(cutOff, ["1", "2"]);
});
