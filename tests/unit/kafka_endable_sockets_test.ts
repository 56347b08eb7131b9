import { endableSockets } from "../../src/engine/kafka/endable_sockets.ts";
import { createKafkaClient } from "../../src/engine/kafka/kafka_client.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";

const target = { host: "x", port: 1, onConnect() {} };

Deno.test("a client that is ended tells who waits for an answer, and connects no more", async () => {
  // It takes connections, as the system does for a program that hangs, and answers nothing.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const brokers = [`127.0.0.1:${listener.addr.port}`];
  const client = createKafkaClient({ brokers, clientId: "test", ssl: false });
  const cluster = client.cluster({ retries: 0 });
  const connecting = assertRejects(() => cluster.connect());
  const connection = await listener.accept();
  await connection.read(new Uint8Array(100)); // what it is asked
  const startedAt = performance.now();
  client.end();
  await connecting;
  assert(performance.now() - startedAt < 10_000, "not the half minute of a request");
  await assertRejects(() => cluster.connect());
  await cluster.disconnect();
  connection.close();
});

Deno.test("a socket that is gone is not kept until the end of its client", () => {
  const listeners = new Map<string, (detail: unknown) => void>();
  let ends = 0;
  const sockets = endableSockets(() => ({
    on: (event, listener) => listeners.set(event, listener),
    write() {},
    end: () => ends++,
    unref() {},
  }));
  const socket = sockets.factory(target);
  let errors = 0;
  socket.on("error", () => errors++);
  listeners.get("error")?.(new Error("reset"));
  sockets.end();
  assertEquals([errors, ends], [1, 0]);
  assertThrows(() => sockets.factory(target));
});
